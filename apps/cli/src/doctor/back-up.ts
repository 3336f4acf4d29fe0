import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { auditStore, copyStore, copyTree, SESSION_STORE } from '@orbitmesh/storage';
import type { Context } from '../context.js';
import { CliError, EXIT } from '../exit-code.js';
import { homeOf } from '../home.js';
import { homeEnv } from '../start-stack.js';
import { cliNameOf } from '../terminal.js';
import { STORES } from './check-stores.js';
import { plural } from './finding.js';

export interface BackupResult { home: string; path: string; documents: number; events: number; /** The newest event that is in it. */ cursor: string | null }

/** Of the stack that runs now, not of the home. */
const RUN = 'run';

/**
 * A copy of the home that starts as this home would after a power cut. Who owns less goes first: what runners and the notifier know is then
 * never more than what session-service has.
 * @throws CliError
 */
export async function backUp({ printer, terminal }: Context, { args: [given] }: { args: [path: string] }): Promise<void> {
  const home = homeOf(homeEnv(terminal.env, 'A home is for a person to look after.'));
  const path = resolve(terminal.cwd, given);
  await assertFree(home, path);
  printer.progress.show(`copying ${home}`);
  await mkdir(dirname(path), { recursive: true });
  // Whole or not at all: a backup that is there is a good one.
  const partial = await mkdtemp(`${path}.partial-`);
  try {
    const stores = STORES.map(({ dir }) => dir);
    await copyTree(home, partial, (name, depth) => depth > 0 || (name !== RUN && !stores.includes(name)));
    for (const layout of [...STORES].reverse()) if (existsSync(join(home, layout.dir))) await copyStore({ home, layout }, join(partial, layout.dir));
    const audits = STORES.map((layout) => auditStore({ home: partial, layout }));
    await rm(path, { recursive: true, force: true });
    await rename(partial, path);
    const { events, logId } = audits[STORES.indexOf(SESSION_STORE)];
    const result: BackupResult = {
      home, path, documents: audits.reduce((sum, audit) => sum + audit.documents + audit.behind + audit.unrecorded, 0), events, cursor: logId === undefined ? null : `${logId}.${events}`,
    };
    printer.progress.stop();
    printer.result(result, () => `${path}: ${plural(result.documents, 'document')}, up to event ${events.toLocaleString('en')}`);
    const wrong = audits.flatMap(({ findings }) => findings).length;
    if (wrong > 0) printer.note(`${plural(wrong, 'thing')} in it ${wrong === 1 ? 'is' : 'are'} not as the log says, as in the home itself: ${cliNameOf(terminal.env)} doctor tells.`);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** @throws CliError */
async function assertFree(home: string, path: string): Promise<void> {
  if (!existsSync(join(home, 'installation.json'))) throw new CliError(EXIT.notFound, `There is no home at ${home}.`);
  if (`${path}${sep}`.startsWith(`${resolve(home)}${sep}`)) throw new CliError(EXIT.usage, `${path} is in the home itself.`);
  const there = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error.code === 'ENOTDIR' ? new CliError(EXIT.conflict, `${path} is there already.`) : error;
  });
  if (there.length > 0) throw new CliError(EXIT.conflict, `${path} is there already, and not empty.`);
}
