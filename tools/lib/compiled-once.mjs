import vm from 'node:vm';

/** Below it, to look for what was compiled takes as long as to compile it. */
const CHARS_MIN = 10_000;
/** What V8 had of a module does not say whom its `import()` asks: one that has any is compiled each time. */
const isKept = (code) => code.length >= CHARS_MIN && !/\bimport\s*\(/.test(code);

/**
 * Jest has each module compiled anew for every spec. From here on, a process that compiles the same text under the same name again gives
 * V8 what it had of it. What does not fit is compiled, so nothing depends on it.
 */
export function compileOnce() {
  const { SourceTextModule, compileFunction } = vm;
  const modules = new Map();
  const functions = new Map();
  const knownIn = (map, name, code) => (map.get(name)?.code === code ? map.get(name).cachedData : undefined);

  vm.SourceTextModule = class extends SourceTextModule {
    constructor(code, options) {
      const cachedData = knownIn(modules, options.identifier, code);
      super(code, cachedData ? { ...options, cachedData } : options);
      if (!cachedData && isKept(code)) modules.set(options.identifier, { code, cachedData: this.createCachedData() });
    }
  };
  vm.compileFunction = (code, params, options) => {
    const cachedData = knownIn(functions, options.filename, code);
    const compiled = compileFunction(code, params, cachedData ? { ...options, cachedData } : { ...options, produceCachedData: isKept(code) });
    if (compiled.cachedData) functions.set(options.filename, { code, cachedData: compiled.cachedData });
    return compiled;
  };
}
