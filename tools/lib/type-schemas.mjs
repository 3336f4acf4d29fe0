import ts from 'typescript';

export const DIALECT = 'https://json-schema.org/draft/2020-12/schema';
/** A type that nests deeper than this makes new types of itself without end. */
const DEPTH_MAX = 32;
const OPTIONS = {
  module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, target: ts.ScriptTarget.ES2023,
  strict: true, types: [], noEmit: true, skipLibCheck: true,
};

/**
 * JSON Schema 2020-12 of an interface and all it names, asked of the compiler itself: by then every `Omit`, mapped and
 * conditional type is resolved. Objects are left open: who reads one must bear a field it does not know.
 * @param {string} file a module, or the declarations that were emitted for it
 * @param {string} typeName exported by it
 * @param {string} [namesFrom] a property of it, whose own properties name the types that have no name of their own
 * @returns {object} its schema, with `$defs`
 * @throws for what JSON cannot hold, and for two types of one name
 */
export function schemaOfType(file, typeName, namesFrom) {
  const program = ts.createProgram({ rootNames: [file], options: OPTIONS });
  const source = program.getSourceFile(file);
  const problems = source ? [...program.getOptionsDiagnostics(), ...program.getSemanticDiagnostics(source)] : [];
  if (problems.length > 0) throw new Error(ts.formatDiagnostics(problems, { getCurrentDirectory: () => '', getCanonicalFileName: (name) => name, getNewLine: () => '\n' }));
  const checker = program.getTypeChecker();
  const module = source && checker.getSymbolAtLocation(source);
  const symbol = module && checker.getExportsOfModule(module).find(({ name }) => name === typeName);
  if (!symbol) throw new Error(`${file} exports no ${typeName}; is it built?`);
  const writer = new SchemaWriter(checker, (declaration) => program.isSourceFileDefaultLibrary(declaration.getSourceFile()));
  return writer.write(checker.getDeclaredTypeOfSymbol(symbol), namesFrom);
}

class SchemaWriter {
  /** Names for types that have none, by type. */
  #given = new Map();
  /** The type behind each definition. */
  #types = new Map();
  #definitions = {};
  /** Where in the type we are, for errors. */
  #path = [];

  constructor(checker, isLibrary) {
    this.checker = checker;
    this.isLibrary = isLibrary;
  }

  write(root, namesFrom) {
    const names = namesFrom === undefined ? [] : this.checker.getPropertiesOfType(this.checker.getTypeOfPropertyOfType(root, namesFrom));
    for (const property of names) this.#give(property.name, this.checker.getTypeOfSymbol(property));
    const schema = this.#object(root);
    return { ...schema, $defs: Object.fromEntries(Object.entries(this.#definitions).sort(([a], [b]) => ascending(a, b))) };
  }

  #give(name, type) {
    const own = this.#ownName(type);
    if (own !== null && own !== name) throw new Error(`${name}: its type is called ${own}`);
    if (!this.#given.has(type)) this.#given.set(type, name);
  }

  #schema(type) {
    const own = this.#ownName(type);
    const name = own ?? this.#given.get(type);
    if (name === undefined) return this.#inline(type);
    const known = this.#types.get(name);
    if (known !== undefined && known !== type) throw this.#error(`there are two types called ${name}`);
    if (known === undefined) {
      this.#types.set(name, type);
      const description = own === null ? '' : this.#doc(type.aliasSymbol ?? type.symbol);
      // The name is taken before, for types that name themselves.
      this.#definitions[name] = {};
      this.#definitions[name] = { ...(description && { description }), ...this.#inline(type) };
    }
    return { $ref: `#/$defs/${name}` };
  }

  /** The name a type has in our own sources; null for what is anonymous, generic or the language's. */
  #ownName(type) {
    const { aliasSymbol, aliasTypeArguments, symbol } = type;
    const isOurs = (named) => !(named.declarations ?? []).some(this.isLibrary);
    if (aliasSymbol) return !aliasTypeArguments?.length && isOurs(aliasSymbol) ? aliasSymbol.name : null;
    if (!symbol || !(symbol.flags & ts.SymbolFlags.Interface) || !isOurs(symbol)) return null;
    return this.checker.getTypeArguments(type).length === 0 ? symbol.name : null;
  }

  #inline(type) {
    const { flags } = type;
    if (flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return {};
    if (flags & ts.TypeFlags.Never) return { not: {} };
    if (flags & ts.TypeFlags.Null) return { type: 'null' };
    if (flags & (ts.TypeFlags.StringLiteral | ts.TypeFlags.NumberLiteral)) return { const: type.value };
    if (flags & ts.TypeFlags.BooleanLiteral) return { const: type.intrinsicName === 'true' };
    if (flags & ts.TypeFlags.String) return { type: 'string' };
    if (flags & ts.TypeFlags.Number) return { type: 'number' };
    if (flags & ts.TypeFlags.Boolean) return { type: 'boolean' };
    // `origin` has the names that a union of unions was written with.
    if (type.isUnion()) return this.#union(type.origin?.types ?? type.types);
    if (this.checker.isTupleType(type)) return this.#tuple(type);
    if (this.checker.isArrayType(type)) return { type: 'array', items: this.#at('[]', () => this.#schema(this.checker.getTypeArguments(type)[0])) };
    if (flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection)) return this.#object(type);
    throw this.#error(`${this.checker.typeToString(type)} has no schema`);
  }

  /** Literals become one `enum`; null joins whatever is plain enough to take it in. */
  #union(types) {
    const present = types.filter(({ flags }) => !(flags & (ts.TypeFlags.Undefined | ts.TypeFlags.Void)));
    // The compiler orders them by when it first met each: sorted, they stay where they are.
    const literals = present.filter((type) => type.isStringLiteral() || type.isNumberLiteral()).map(({ value }) => value).sort(ascending);
    const others = present.filter((type) => !type.isStringLiteral() && !type.isNumberLiteral());
    const isBoolean = ({ flags }) => (flags & ts.TypeFlags.BooleanLiteral) !== 0;
    const both = others.filter(isBoolean).length === 2;
    const schemas = others.filter((type) => !(both && isBoolean(type))).map((type) => this.#schema(type));
    if (both) schemas.unshift({ type: 'boolean' });
    if (literals.length === 1) schemas.unshift({ const: literals[0] });
    if (literals.length > 1) schemas.unshift({ enum: literals });
    return schemas.length === 1 ? schemas[0] : withNull(schemas);
  }

  #tuple(type) {
    const items = this.checker.getTypeArguments(type).map((item, n) => this.#at(`[${n}]`, () => this.#schema(item)));
    return { type: 'array', prefixItems: items, items: false, minItems: type.target.minLength };
  }

  #object(type) {
    const name = this.checker.typeToString(type);
    if (type.getCallSignatures().length > 0 || type.getConstructSignatures().length > 0) throw this.#error(`${name} is a function`);
    if (type.symbol?.flags & ts.SymbolFlags.Interface && type.symbol.declarations?.some(this.isLibrary)) throw this.#error(`${name} is a class of the language`);
    if (this.#path.length > DEPTH_MAX) throw this.#error(`${name} does not end`);
    const members = inOrder(this.checker.getPropertiesOfType(type)).map((symbol) => [symbol, this.checker.getTypeOfSymbol(symbol)]);
    const properties = members.map(([symbol, member]) => {
      const description = this.#doc(symbol);
      return [symbol.name, { ...(description && { description }), ...this.#at(symbol.name, () => this.#schema(member)) }];
    });
    const required = members.filter(([symbol]) => !(symbol.flags & ts.SymbolFlags.Optional)).map(([symbol]) => symbol.name);
    const index = this.checker.getIndexInfoOfType(type, ts.IndexKind.String);
    const rest = index && this.#at('[string]', () => this.#schema(index.type));
    const isGeneric = type.aliasTypeArguments?.length || (type.symbol?.flags & ts.SymbolFlags.Interface && this.checker.getTypeArguments(type).length);
    return {
      ...(isGeneric && !rest && { title: name }),
      type: 'object',
      ...(properties.length > 0 && { properties: Object.fromEntries(properties) }),
      ...(required.length > 0 && { required }),
      ...(rest && { additionalProperties: rest.not ? false : Object.keys(rest).length === 0 ? true : rest }),
    };
  }

  #doc(symbol) {
    return ts.displayPartsToString(symbol.getDocumentationComment(this.checker)).replace(/\s+/g, ' ').trim();
  }

  #at(step, make) {
    this.#path.push(step);
    try {
      return make();
    } finally {
      this.#path.pop();
    }
  }

  #error(message) {
    return new Error(`${this.#path.join('.')}: ${message}`);
  }
}

const ascending = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/** As they are written, where they are written in one place: a mapped type has lost that order. */
function inOrder(symbols) {
  const places = symbols.map(({ declarations }) => declarations?.[0]);
  if (new Set(places.map((place) => place?.getSourceFile())).size !== 1 || !places[0]) return symbols;
  return symbols.map((symbol, n) => ({ symbol, at: places[n].pos })).sort((a, b) => a.at - b.at).map(({ symbol }) => symbol);
}

function withNull(schemas) {
  const others = schemas.filter(({ type }) => type !== 'null');
  const [only] = others;
  if (others.length === schemas.length) return { anyOf: schemas };
  if (others.length > 1) return { anyOf: [...others, { type: 'null' }] };
  if (typeof only.type === 'string' && Object.keys(only).length === 1) return { type: [only.type, 'null'] };
  if (Array.isArray(only.enum)) return { enum: [...only.enum, null] };
  if ('const' in only) return { enum: [only.const, null] };
  return { anyOf: [only, { type: 'null' }] };
}
