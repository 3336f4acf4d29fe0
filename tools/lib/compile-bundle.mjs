// node compile-bundle.mjs <bundle.cjs> <file>: loads it as a start does, keeps what V8 compiled for that, and ends before anything else happens.
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { Script } from 'node:vm';

const [filename, into] = process.argv.slice(2);
const script = new Script(readFileSync(filename, 'utf8'), { filename });
const module = { exports: {} };
// Of the CLI the one command that keeps no process beside it.
process.argv = [process.execPath, filename, 'mcp', '--help'];
script.runInThisContext()(module.exports, createRequire(filename), module, filename, dirname(filename), (specifier) => import(specifier));
writeFileSync(into, script.createCachedData());
// As the bundle: a service has set its umask.
chmodSync(into, 0o644);
process.exit(0);
