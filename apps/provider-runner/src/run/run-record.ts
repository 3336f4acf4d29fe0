import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { basename } from 'node:path';
import type { StartRun } from '@orbitmesh/contracts';
import { AppError, type Manifest, type ProviderEntry, type RunFact } from '@orbitmesh/domain';
import { nodeFs, writeFileAtomic } from '@orbitmesh/storage';
import type { ProcessIdentity } from '../process/process-table.js';
import type { RunFiles } from './run-files.js';
import type { RunLog } from './run-log.js';

const SCHEMA_VERSION = 1;

export type EndCause = Extract<RunFact, { type: 'run_ended' }>['cause'];

/** Why a run is ended by us, and what is said of it then. */
export type EndIntent =
  | { cause: EndCause; message?: string }
  | { startFailed: Extract<RunFact, { type: 'start_failed' }>['code']; message: string };

/**
 * `run.json`: what a restarted runner must know of a run before it looks at anything else.
 * `accepted`: nothing was executed (or nothing came of it). `executing`: the wrapper may or may not be there. `started`: its
 * identity is known. `closed`: the last fact is acknowledged; the directory is kept for its raw frames.
 */
export interface RunRecord {
  /** Which directory it was written in: a copy of it holds neither the agent's pipes nor its files (ADR-0023). */
  place: string;
  installationId: string;
  runnerId: string;
  sessionId: string;
  projectId: string;
  runId: string;
  epoch: number;
  phase: 'accepted' | 'executing' | 'started' | 'closed';
  acceptedAt: string;
  apiUrl: string;
  roots: string[];
  manifestHash: string;
  conversationId: string;
  /** Of the request that asked for the session; absent in runs of an earlier version. */
  traceId?: string;
  continueAgentSessionId?: string;
  /** As configured when the run was executed. */
  entry?: ProviderEntry;
  /** Real path. */
  workingDir?: string;
  /** What its agent keeps of the conversation. */
  stateDir?: string;
  wrapper?: ProcessIdentity;
  /** The boot of the machine in which it is executed: a file of another one proves nothing. */
  bootId?: string;
  /** Its end was begun: a restarted runner goes on with that. */
  ending?: EndIntent;
}

/** A start, and which request it is for. */
export type TracedStart = StartRun & { traceId: string };

/** The token is not in it: it is in the agent's memory, and in ours. */
export function recordOf(request: TracedStart, files: RunFiles, installationId: string, runnerId: string): RunRecord {
  return {
    place: nodeFs.identitySync!(files.dir)!, installationId, runnerId,
    sessionId: request.sessionId, projectId: request.manifest.projectId, runId: request.runId, epoch: request.epoch,
    phase: 'accepted', acceptedAt: new Date().toISOString(), apiUrl: request.apiUrl, roots: request.roots,
    manifestHash: request.manifestHash, conversationId: request.conversationId, traceId: request.traceId,
    ...(request.continueAgentSessionId === undefined ? {} : { continueAgentSessionId: request.continueAgentSessionId }),
  };
}

/** A run's record, in memory and on disk: changes are written one after the other, each with all before it. */
export class RecordKeeper {
  private writing: Promise<void> = Promise.resolve();

  constructor(private readonly files: RunFiles, public record: RunRecord, private readonly log: RunLog) {}

  note(change: Partial<RunRecord>): Promise<void> {
    this.record = { ...this.record, ...change };
    const write = this.writing.then(() => writeFileAtomic(this.files.record, `${JSON.stringify({ schemaVersion: SCHEMA_VERSION, ...this.record }, null, 2)}\n`));
    this.writing = write.catch(() => undefined);
    return write;
  }

  /** On a full disk its cause alone: another name takes no room, where the file is there already. */
  async noteEnd(intent: EndIntent): Promise<void> {
    await this.note({ ending: intent }).catch((error: unknown) => {
      if (!('cause' in intent)) throw error;
      renameSync(nameOfEnd(this.files), endOf(this.files, intent.cause));
    }).catch((error: unknown) => this.log('warn', 'the end of a run could not be recorded', { err: error }));
  }

  /** What is only said again, or found out again, if it is lost. */
  async noteQuietly(change: Partial<RunRecord>): Promise<void> {
    await this.note(change).catch((error: unknown) => this.log('warn', 'the run record could not be written', { err: error }));
  }
}

/** @throws STORAGE_NEWER for a record of a later version; any other error: the record cannot be read. */
export function readRecord(files: RunFiles): RunRecord {
  const { schemaVersion, ...record } = JSON.parse(readFileSync(files.record, 'utf8')) as RunRecord & { schemaVersion: number };
  if (schemaVersion > SCHEMA_VERSION) throw new AppError('STORAGE_NEWER', undefined, { file: files.record, schemaVersion });
  if (record.runId !== basename(files.dir)) throw new Error('The record is not that of the run in whose directory it is.');
  const cause = causeOnFile(files);
  // A kill counts more than what was asked before it; else the record knows it better.
  return cause === undefined || (record.ending && cause !== 'killed') ? record : { ...record, ending: { cause } };
}

const CAUSES: readonly EndCause[] = ['killed', 'stopped', 'shutdown', 'lost', 'crashed'];
const endOf = (files: RunFiles, cause: EndCause): string => `${files.end}.${cause}`;
const causeOnFile = (files: RunFiles): EndCause | undefined => CAUSES.find((cause) => existsSync(endOf(files, cause)));

/** As it is called now. */
function nameOfEnd(files: RunFiles): string {
  const cause = causeOnFile(files);
  return cause === undefined ? files.end : endOf(files, cause);
}

/** Its directory is the one in which the run was executed, whatever that is called by now. */
export function isInPlace(files: RunFiles, { place }: RunRecord): boolean {
  return place === nodeFs.identitySync!(files.dir);
}

export async function writeManifest(files: RunFiles, manifest: Manifest): Promise<void> {
  mkdirSync(files.facts, { recursive: true, mode: 0o700 });
  await writeFileAtomic(files.manifest, `${JSON.stringify(manifest, null, 2)}\n`);
}

export function readManifest(files: RunFiles): Manifest {
  return JSON.parse(readFileSync(files.manifest, 'utf8')) as Manifest;
}
