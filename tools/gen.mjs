// Writes the files that are rendered from code. Build first (`npm run build`), and again when sources changed.
//   node tools/gen.mjs [--check: writes nothing, fails on drift] [--in DIRECTORY: of another checkout] [--list: their names]
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { renderOperations } from './lib/client-operations.mjs';
import { printJson } from './lib/print-json.mjs';
import { schemaOfType } from './lib/type-schemas.mjs';

/** Every wire type as JSON Schema: what the others are rendered with. */
const SCHEMAS = 'libs/contracts/src/generated/schemas.json';
/** The typed client's table, out of the OpenAPI document. */
const OPERATIONS = 'libs/api-client/src/generated/operations.ts';
const OPENAPI = { module: 'apps/api-gateway/dist/openapi/openapi.doc.js', render: 'renderOpenApi' };
/** One line a file: where it goes, and the built module whose named export renders it, given the schemas: as text, or as JSON. */
const GENERATED = [
  { file: 'docs/openapi.json', ...OPENAPI },
  { file: 'docs/permissions.md', module: 'apps/api-gateway/dist/auth/permissions.doc.js', render: 'renderPermissions' },
  { file: 'docs/subjects.md', module: 'libs/messaging/dist/subjects.doc.js', render: 'renderSubjects' },
  { file: 'docs/subjects.schema.json', module: 'libs/messaging/dist/subjects.doc.js', render: 'subjectCatalogue' },
  { file: 'docs/nats-permissions.md', module: 'libs/messaging/dist/permissions.doc.js', render: 'renderNatsPermissions' },
  { file: 'tools/nats-users.conf', module: 'libs/messaging/dist/permissions.doc.js', render: 'renderNatsUsers' },
  { file: 'docs/events.md', module: 'libs/contracts/dist/schema/events.doc.js', render: 'renderEvents' },
  { file: 'docs/events.schema.json', module: 'libs/contracts/dist/schema/event-schemas.js', render: 'eventCatalogueSchema' },
  { file: 'docs/state-machine.md', module: 'libs/domain/dist/session/state-machine.doc.js', render: 'renderStateMachine' },
  { file: 'docs/providers.md', module: 'apps/provider-runner/dist/drivers/ready-made.doc.js', render: 'renderReadyMade' },
  { file: 'docs/agents.md', module: 'tools/lib/agents-doc.mjs', render: 'renderAgents' },
  { file: 'docs/error-codes.md', module: 'libs/contracts/dist/http/error-codes.doc.js', render: 'renderErrorCodes' },
];

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const { values: { check, list, in: directory } } = parseArgs({ options: { check: { type: 'boolean' }, list: { type: 'boolean' }, in: { type: 'string', default: ROOT } } });
let drifted = 0;

if (list) process.stdout.write([SCHEMAS, OPERATIONS, ...GENERATED.map(({ file }) => file)].map((file) => `${file}\n`).join(''));
else await generate();

async function generate() {
  const schemas = publishedSchemas();
  await keep(SCHEMAS, schemas);
  await keep(OPERATIONS, renderOperations(await rendered(OPENAPI, schemas)));
  for (const one of GENERATED) await keep(one.file, await rendered(one, schemas));
  if (!check) process.stdout.write(`${GENERATED.length + 2} generated files, ${drifted} changed\n`);
  else if (drifted > 0) process.exitCode = 1;
}

async function rendered({ module, render }, schemas) {
  return (await import(join(ROOT, module)))[render](schemas);
}

/** Types are read where the compiler put them: `published.ts` and all it imports, built. */
function publishedSchemas() {
  const { $defs } = schemaOfType(join(ROOT, 'libs/contracts/dist/schema/published.d.ts'), 'Published', 'answers');
  return { $comment: 'Generated from libs/contracts/src/schema/published.ts by node tools/gen.mjs; do not edit.', $defs };
}

async function keep(file, content) {
  const target = resolve(directory, file);
  const text = typeof content === 'string' ? content : printJson(content);
  const present = await readFile(target, 'utf8').catch((error) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (present === text) return;
  drifted += 1;
  if (check) return void process.stderr.write(`${file} is not what the code says; run: node tools/gen.mjs\n`);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, text);
}
