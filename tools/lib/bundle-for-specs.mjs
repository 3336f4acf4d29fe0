import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ONE_FILE } from './bundle.mjs';
import { readIfThere } from './files.mjs';
import { ROOT } from './set-up.mjs';

/**
 * What most specs load of other people's, in a few files instead of a thousand: Jest loads all of it anew for every spec, which takes
 * half a second of a core for each. Nothing depends on it: where it is not there or not up to date, specs load the packages themselves.
 */
const MADE = join(ROOT, '.cache', 'dependencies-for-specs');
const RECORD = join(MADE, 'made-of');
/** By how they are asked for. What several of them need is there once. */
const ES_MODULES = { '@nestjs/common': 'nest-common', '@nestjs/common/internal': 'nest-internal', '@nestjs/core': 'nest-core', '@nestjs/platform-fastify': 'nest-fastify' };
const COMMON_JS = { 'class-validator': 'class-validator', 'ajv/dist/2020.js': 'ajv' };

const OPTIONS = { ...ONE_FILE, absWorkingDir: ROOT, outdir: MADE };

/** Made when it is not up to date. @throws what esbuild says */
export async function bundleForSpecs() {
  if (readIfThere(RECORD) === madeOf()) return;
  const { build, stop } = await import('esbuild');
  rmSync(MADE, { recursive: true, force: true });
  mkdirSync(MADE, { recursive: true });
  // From where the version is that our validators are compiled with: the root may have another.
  const { resolve } = createRequire(join(ROOT, 'libs', 'testing', 'package.json'));
  const [modules, common] = [ES_MODULES, COMMON_JS].map((all) => Object.entries(all).map(([name, out]) => ({ name, out })));
  try {
    await Promise.all([
      build({
        ...OPTIONS, entryPoints: modules.map(({ name, out }) => ({ in: name, out })), outExtension: { '.js': '.mjs' }, splitting: true,
        external: ['class-validator', 'class-transformer', 'reflect-metadata'],
        // Nest's first, which its other modules need when they run: in pieces they do not run in the order they were written in.
        banner: { js: `import 'reflect-metadata';\n${ONE_FILE.banner.js}` },
      }),
      build({ ...OPTIONS, entryPoints: common.map(({ name, out }) => ({ in: resolve(name), out })), outExtension: { '.js': '.cjs' }, format: 'cjs', banner: {} }),
    ]);
    writeFileSync(RECORD, madeOf());
  } finally {
    await stop();
  }
}

/** For Jest's `moduleNameMapper`. */
export function mappedForSpecs() {
  if (readIfThere(RECORD) !== madeOf()) return {};
  const files = [...Object.entries(ES_MODULES).map(([name, out]) => [name, `${out}.mjs`]), ...Object.entries(COMMON_JS).map(([name, out]) => [name, `${out}.cjs`])];
  return Object.fromEntries(files.map(([name, file]) => [`^${name.replaceAll('.', '\\.')}$`, join(MADE, file)]));
}

function madeOf() {
  const hash = createHash('sha256');
  for (const path of [join(ROOT, 'package-lock.json'), fileURLToPath(import.meta.url)]) hash.update(readFileSync(path));
  return hash.digest('hex');
}
