import { existsSync } from 'node:fs';
import { readFile, realpath, rm, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { ApiClient, ApiError } from '@orbitmesh/api-client';
import { Collections, EDITED_BY_HAND, nodeFs, Quarantine } from '@orbitmesh/storage';
import { connectionOf } from '../connection.js';
import type { Context } from '../context.js';
import { CliError, EXIT, type FieldError } from '../exit-code.js';
import { homeOf } from '../home.js';
import { ADOPTIONS, type Adoption, type Document } from './adoptions.js';
import { STORES } from './check-stores.js';

const OR_PUT_BACK = 'Mend it, or put back what the log has: % down, and then % doctor --fix';
const WHICH = 'Files that were edited are named by: % doctor';

/**
 * Commits what somebody wrote into a document's file: as an ordinary update, by the service that owns it, so with its checks, its revision
 * and its event. The revision in the file says what it was made of: where that has changed meanwhile, nothing happens.
 * @throws CliError, ApiError
 */
export async function adopt({ printer, terminal }: Pick<Context, 'printer' | 'terminal'>, env: NodeJS.ProcessEnv, given: string): Promise<void> {
  const home = homeOf(env);
  const { collection, doc, file, kept } = await documentIn(home, terminal.cwd, given);
  const adoption = ADOPTIONS[collection];
  if (!adoption) throw new CliError(EXIT.refused, `${file} is nothing that is changed by hand.`, { hint: 'Put it back as the log has it with: % down, and then % doctor --fix' });
  const client = new ApiClient({ ...(await connectionOf(env)), signal: terminal.signal });
  const now = await adoption.get(client, doc) as Document;
  if (Number(doc['revision']) > Number(now['revision'])) {
    throw new CliError(EXIT.usage, `${file} says revision ${String(doc['revision'])}, and ${doc.id} is at ${String(now['revision'])}: OrbitMesh alone counts them.`, { code: 'REVISION_MISMATCH', hint: `Write "revision": ${String(now['revision'])} into it, and try again.` });
  }
  if (doc['revision'] !== now['revision']) {
    throw new CliError(EXIT.conflict, `${file} was made of revision ${String(doc['revision'])}, and ${doc.id} has come to ${String(now['revision'])} meanwhile.`, { code: 'REVISION_MISMATCH', hint: 'Look at it again, and make the change in what it is now.' });
  }
  const patch = patchOf(doc, now, adoption.fields);
  const fields = Object.keys(patch);
  if (fields.length === 0) {
    const putAside = kept === undefined ? newestEditOf(home, file) : undefined;
    if (putAside === undefined) throw nothingIn(file, adoption, kept);
    printer.note(`A start has put your edit of ${file} aside, as ${putAside}: that is taken in.`);
    return adopt({ printer, terminal }, env, join(home, putAside));
  }
  const { body } = await adoption.send(client, doc, patch as never, { ifMatch: doc['revision'] as number }).catch((error: unknown) => {
    if (!(error instanceof ApiError) || error.status !== 400) throw error;
    const errors = Array.isArray(error.problem['errors']) ? error.problem['errors'] as FieldError[] : [];
    throw new CliError(EXIT.usage, `${file} cannot be taken in: ${error.message}`, { code: error.code, errors, hint: OR_PUT_BACK });
  });
  const { revision } = body as { revision: number };
  // It is what OrbitMesh has now.
  if (kept !== undefined) for (const path of [kept, `${kept}.why.json`]) await rm(path, { force: true });
  printer.result({ file, id: doc.id, collection, fields, revision }, () => `${doc.id}: ${fields.join(', ')} taken in, as revision ${revision}`);
}

/** What a start keeps of an edit lies in quarantine, and the file is again as the log has it. @returns relative to the home */
function newestEditOf(home: string, file: string): string | undefined {
  const { dir } = STORES.find((store) => file.startsWith(`${store.dir}/`))!;
  const edits = [...new Quarantine(nodeFs, join(home, dir), 0).kept()].filter(([, why]) => join(dir, why.file) === file && why.reason.startsWith(EDITED_BY_HAND));
  const newest = edits.sort(([, a], [, b]) => a.at.localeCompare(b.at)).at(-1);
  return newest && join(dir, 'quarantine', newest[0]);
}

function nothingIn(file: string, { fields }: Adoption, kept: string | undefined): CliError {
  const only = fields ? `: of such a document only ${fields.join(', ')} is changed` : '';
  return new CliError(EXIT.conflict, `There is nothing in ${file} to take in${only}${kept === undefined ? ', and no edit of it in quarantine' : ''}.`, { code: 'NOTHING_TO_ADOPT' });
}

/** As seen from where we are, or from the home, as the doctor names it. @throws CliError */
async function documentIn(home: string, cwd: string, given: string): Promise<{ collection: string; doc: Document; file: string; /** Where it is, when that is quarantine. */ kept?: string }> {
  const path = [resolve(cwd, given), resolve(home, given)].find(existsSync);
  if (path === undefined) throw new CliError(EXIT.notFound, `There is no ${given}.`);
  const file = relative(await realpath(home), await realpath(path));
  const layout = STORES.find(({ dir }) => file.startsWith(`${dir}/`));
  if (isAbsolute(file) || layout === undefined) throw new CliError(EXIT.usage, `${path} is no document of ${home}.`, { hint: WHICH });
  if (!(await stat(path)).isFile()) throw new CliError(EXIT.usage, `${path} is no file.`, { hint: WHICH });
  let content: unknown;
  try {
    content = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new CliError(EXIT.usage, `${path} cannot be taken in: ${(error as Error).message}.`, { hint: OR_PUT_BACK });
  }
  const { schemaVersion: _version, ...doc } = (content ?? {}) as Document;
  const inStore = file.slice(layout.dir.length + 1);
  const kept = inStore.startsWith('quarantine/') ? path : undefined;
  const name = new Collections(layout.collections).identify(kept === undefined ? inStore : await wasAt(path), doc);
  if (name === undefined) throw new CliError(EXIT.usage, `${path} is no document, or not where its id and its project say that it belongs.`, { hint: WHICH });
  return { collection: name.collection, doc: { ...doc, id: name.id }, file, kept };
}

/** Where something in quarantine was before. @throws CliError */
async function wasAt(path: string): Promise<string> {
  try {
    return (JSON.parse(await readFile(`${path}.why.json`, 'utf8')) as { file: string }).file;
  } catch {
    throw new CliError(EXIT.usage, `${path} does not say where it was.`, { hint: WHICH });
  }
}

/** @throws CliError for a field that was taken out: an update gives a field another value, and leaves out what stays */
function patchOf(doc: Document, now: Document, fields: readonly string[] | undefined): Record<string, unknown> {
  const gone = fields ? [] : Object.keys(now).filter((key) => !(key in doc));
  if (gone.length > 0) throw new CliError(EXIT.usage, `${gone.join(', ')} was taken out.`, { hint: 'A field stays, and may be null, "" or [].' });
  return Object.fromEntries((fields ?? Object.keys(doc)).filter((key) => !isDeepStrictEqual(doc[key], now[key])).map((key) => [key, doc[key]]));
}
