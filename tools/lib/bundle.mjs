import { execFile } from 'node:child_process';
import { copyFileSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { COMPILE_BUNDLE_MS_MAX } from './limits.mjs';

/**
 * The services, the CLI and the demo agent as one file each, beside the compiled ones they are made of: read as 1,500 modules a service
 * takes three times the processor time to start (ADR-0019). Nothing depends on it: what is not there, or older than what
 * it was made of, is started from the compiled files.
 */
const ENTRIES = { 'session-service': ['main'], 'api-gateway': ['main'], notifier: ['main'], 'provider-runner': ['main', 'demo-agent/run'], cli: ['run'] };
const RECORD = 'bundle.json';
/** Some dependencies are CommonJS, and ask for Node's own modules by `require`. */
const REQUIRE = "import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url);";

/** Nest asks for packages that it does without where they are not there. */
const ABSENT = {
  name: 'absent',
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, async ({ path, resolveDir, kind, pluginData }) => {
      if (pluginData === ABSENT) return undefined;
      const found = await build.resolve(path, { resolveDir, kind, pluginData: ABSENT });
      return found.errors.length > 0 ? { path, external: true } : found;
    });
  },
};

/** Nothing is minified, so classes are called as they were written; to keep the names of closures as well costs a call for each that is made, a twentieth of a request. */
export const ONE_FILE = { bundle: true, platform: 'node', format: 'esm', target: 'node20', plugins: [ABSENT], banner: { js: REQUIRE }, logLevel: 'error' };

/**
 * A bundle that is started: a function for a `Script` of Node, which takes what V8 compiled of it earlier; of an ES module it would
 * compile all of it at each start, half of its processor time. Strict, as the modules in it are.
 */
const STARTED = {
  ...ONE_FILE, format: 'cjs', define: { 'import.meta.url': 'urlOfBundle' },
  banner: { js: "(function (exports, require, module, __filename, __dirname, importOfBundle) {'use strict'; const urlOfBundle = require('node:url').pathToFileURL(__filename).href;" },
  footer: { js: '})' }, outExtension: { '.js': '.cjs' },
};
const [START, COMPILE] = ['start', 'compile'].map((what) => fileURLToPath(new URL(`./${what}-bundle.mjs`, import.meta.url)));

const dist = (root, app) => join(root, 'apps', app, 'dist');
const bundled = (root, app, entry) => join(dist(root, app), `${entry}.bundle.js`);
const signature = (path) => {
  const { mtimeMs, size } = statSync(path);
  return `${mtimeMs} ${size}`;
};

/** Makes those that are not up to date. @throws what esbuild says */
export async function makeBundles(root) {
  const stale = Object.keys(ENTRIES).filter((app) => !isFresh(root, app));
  if (stale.length === 0) return;
  const { build, stop } = await import('esbuild');
  try {
    await Promise.all(stale.map((app) => makeBundle(build, root, app)));
  } finally {
    // Its process would live as long as we do: as long as the stack, after npm start.
    await stop();
  }
}

async function makeBundle(build, root, app) {
  const outdir = dist(root, app);
  rmSync(join(outdir, RECORD), { force: true });
  const { metafile } = await build({
    ...STARTED, absWorkingDir: root, entryPoints: ENTRIES[app].map((entry) => join(outdir, `${entry}.js`)), outdir, outbase: outdir,
    entryNames: '[dir]/[name].bundle', metafile: true,
  });
  await Promise.all(ENTRIES[app].map(async (entry) => {
    const bundle = join(outdir, `${entry}.bundle`);
    writeFileSync(`${bundle}.cjs`, importsByItsStart(inAscii(readFileSync(`${bundle}.cjs`, 'utf8'))));
    copyFileSync(START, `${bundle}.js`);
    await compile(bundle);
  }));
  const made = Object.keys(metafile.inputs).map((path) => relative(root, resolve(root, path))).filter((path) => !path.includes('node_modules'));
  writeFileSync(join(outdir, RECORD), JSON.stringify([...made, 'package-lock.json'].map((path) => [path, signature(join(root, path))])));
}

/** Read in a moment, and half as large in memory. What is left of other characters is in regular expressions and comments. */
const inAscii = (text) => text.replace(/[\u0080-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** What comes out of V8's cache cannot import: of that, Node 20 does not know any more who asks. */
const importsByItsStart = (text) => text.replaceAll(/\bimport\(/g, 'importOfBundle(');

/** Where that fails, its starts take longer. */
async function compile(bundle) {
  rmSync(`${bundle}.cache`, { force: true });
  // Without any setting, and with a home that cannot be: a service gets no further than its configuration.
  const env = { HOME: '/dev/null', ORBITMESH_HOME: '/dev/null' };
  await promisify(execFile)(process.execPath, [COMPILE, `${bundle}.cjs`, `${bundle}.cache`], { env, timeout: COMPILE_BUNDLE_MS_MAX }).catch(() => {});
}

/** Some other program as one file, for a spec that starts it often. */
export async function bundleTo(outfile, entry) {
  const { build, stop } = await import('esbuild');
  try {
    await build({ ...ONE_FILE, entryPoints: [entry], outfile });
  } finally {
    await stop();
  }
}

/** What is started: the bundle, where that is what the compiled files say. */
export function entryOf(root, app, entry = ENTRIES[app][0]) {
  return isFresh(root, app) ? bundled(root, app, entry) : join(dist(root, app), `${entry}.js`);
}

function isFresh(root, app) {
  try {
    for (const entry of ENTRIES[app]) statSync(bundled(root, app, entry));
    return JSON.parse(readFileSync(join(dist(root, app), RECORD), 'utf8')).every(([path, was]) => signature(join(root, path)) === was);
  } catch {
    return false;
  }
}
