// Writes the files that are rendered from code; `--check` writes nothing and fails on drift. Build first (`npm run build`).
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** One line a generated file: where it goes, and the built module whose named export renders it (returns the text, or a promise of it). */
const GENERATED = [
  { file: 'docs/subjects.md', module: 'libs/messaging/dist/subjects.doc.js', render: 'renderSubjects' },
  { file: 'docs/state-machine.md', module: 'libs/domain/dist/session/state-machine.doc.js', render: 'renderStateMachine' },
  { file: 'docs/error-codes.md', module: 'libs/contracts/dist/http/error-codes.doc.js', render: 'renderErrorCodes' },
];

const checkout = new URL('..', import.meta.url);
const check = process.argv.includes('--check');
let drifted = 0;

for (const { file, module, render } of GENERATED) {
  const target = new URL(file, checkout);
  const text = await (await import(new URL(module, checkout).href))[render]();
  const present = await readFile(target, 'utf8').catch((error) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (present === text) continue;
  drifted += 1;
  if (check) process.stderr.write(`${file} is not what ${module} renders; run: node tools/gen.mjs\n`);
  else await writeFile(fileURLToPath(target), text);
}

if (!check) process.stdout.write(`${GENERATED.length} generated files, ${drifted} changed\n`);
else if (drifted > 0) process.exitCode = 1;
