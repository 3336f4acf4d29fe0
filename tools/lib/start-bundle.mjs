// Copied beside each bundle, under the name that is started: it runs the bundle with what V8 compiled of it when it was made. Of another
// version of Node, or without that file, V8 compiles it anew.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

const beside = (extension) => fileURLToPath(import.meta.url).replace(/\.js$/, extension);
const filename = beside('.cjs');
let cachedData;
try {
  cachedData = readFileSync(beside('.cache'));
} catch {
  // Only slower.
}
const script = new Script(readFileSync(filename, 'utf8'), { filename, cachedData });
const module = { exports: {} };
script.runInThisContext()(module.exports, createRequire(filename), module, filename, dirname(filename), (specifier) => import(specifier));
