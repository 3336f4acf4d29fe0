import { basename, dirname, join, resolve } from 'node:path';
import { CHECKPOINT_FILE, readCheckpoint } from '../checkpoint.js';
import { Collections } from '../collections.js';
import { nodeFs } from '../fs/node-fs.js';
import type { StorageFs } from '../fs/storage-fs.js';
import type { StoreLayout } from '../layout/store-layout.js';
import { STORAGE_LIMITS } from '../limits.js';
import { Quarantine, type Damage } from '../quarantine.js';
import { readLog, type LogDamage } from '../log/log-recovery.js';
import { installationOf } from '../log/log-id.js';
import { SNAPSHOT_FILE } from '../snapshot-file.js';
import { DocumentAudit } from './document-audit.js';
import { LogStates } from './log-states.js';
import { SessionAudit } from './session-audit.js';
import { snapshotFault } from './snapshot-audit.js';
import { readFiles } from './store-files.js';

/**
 * What `repairStore` does about it. `rebuild`: as the log has it, what stood there is kept in quarantine; `aside`: into quarantine;
 * `remove`: ours, and of no use; `start`: the next start heals it by itself; null: nothing can, or a person decides.
 */
export type Remedy = 'rebuild' | 'aside' | 'remove' | 'start' | null;

export type FindingKind =
  | 'edited' | 'older' | 'missing' | 'damaged' | 'misplaced' | 'unknown' | 'deleted' | 'ahead' | 'no-file' | 'newer' | 'events' | 'temporary' | 'log' | 'checkpoint' | 'snapshot';

export interface Finding {
  kind: FindingKind;
  /** Relative to the store's directory. */
  file: string;
  /** What is wrong with it, after its name: "it is not JSON". */
  problem: string;
  remedy: Remedy;
}

export interface StoreAudit {
  findings: Finding[];
  documents: number;
  /** Files that the log is ahead of; the store writes them, or the next start does. */
  behind: number;
  /** Documents from before the oldest commit that the log still has: their files are their only record. */
  unrecorded: number;
  sessions: number;
  events: number;
  logId: string | undefined;
  /** The log is a copy: the next start gives it another name. */
  copied: boolean;
  /** Files that nobody reads, and nobody's to remove. */
  strays: string[];
  /** What is kept in quarantine, by its name there. */
  kept: Map<string, Damage>;
}

export interface AuditOptions {
  home: string;
  layout: StoreLayout;
  fs?: StorageFs;
}

export const storeRoot = ({ home, layout }: Pick<AuditOptions, 'home' | 'layout'>): string => resolve(home, layout.dir);

/**
 * Compares every file of a store with its log. Only reads, and needs no lock: the checkpoint first, then the files, the log last, so
 * that a file of a store at work is never newer than the log it is compared with.
 * @throws STORAGE_NEWER when the log or the checkpoint is of a newer version
 */
export function auditStore(options: AuditOptions): StoreAudit {
  const { layout, fs = nodeFs } = options;
  const root = storeRoot(options);
  const collections = new Collections(layout.collections);
  const read = readCheckpoint(fs, root);
  const checkpoint = read === 'damaged' ? undefined : read;
  const files = readFiles(fs, root, collections);
  const sessions = new SessionAudit(fs, root, layout, checkpoint);
  const states = new LogStates(fs, root, collections, checkpoint);
  const unusable = snapshotFault(fs, root, states.whole ? states.log.logId : undefined);
  const documents = new DocumentAudit({ files, collections, states, covered: checkpoint?.commit ?? 0, fs, root });
  const quarantine = new Quarantine(fs, root, STORAGE_LIMITS.damagesReportedMax);
  quarantine.load();
  const quarantined = quarantine.report();
  const sessionIsThere = (id: string): boolean => fs.sizeSync(join(root, layout.sessionEvents!(id))) !== undefined || states.documents.get(`sessions/${id}`)?.at(-1)?.digest !== undefined;
  return {
    findings: [
      ...(read === 'damaged' ? [{ kind: 'checkpoint' as const, file: CHECKPOINT_FILE, problem: 'cannot be read; the whole log is replayed instead', remedy: 'start' as const }] : []),
      ...(unusable !== undefined ? [{ kind: 'snapshot' as const, file: SNAPSHOT_FILE, problem: unusable, remedy: 'remove' as const }] : []),
      ...states.damages.map((damage) => logFinding(damage, quarantined)),
      ...documents.findings,
      ...sessions.compare(states, sessionIsThere),
      ...files.temporaries.map((file) => ({ kind: 'temporary' as const, file, problem: 'is left over from a write that a crash cut short', remedy: 'remove' as const })),
    ],
    documents: documents.good, behind: documents.behind, unrecorded: documents.unrecorded,
    sessions: sessions.count, events: states.headSeq, logId: states.log.logId, copied: states.log.copied, kept: quarantine.kept(),
    strays: files.strays.filter((path) => path !== layout.sessionEvents?.(basename(dirname(path)))),
  };
}

/** Whose store it is, by its own log; undefined: it has none yet. */
export function installationOfStore(options: AuditOptions): string | undefined {
  const { fs = nodeFs } = options;
  const { logId } = readLog(fs, join(storeRoot(options), 'log'), 0);
  return logId && installationOf(logId);
}

/** What cannot be read in the log stays in it; a start has put a copy of the bytes aside. */
function logFinding({ file, reason, bytes }: LogDamage, quarantined: Damage[]): Finding {
  const known = quarantined.some((damage) => damage.file === `log/${file}` && damage.reason === reason);
  return { kind: 'log', file: join('log', file), problem: `is damaged: ${reason.replace(/^damaged /, '')}${known ? '; its bytes are in quarantine' : ''}`, remedy: known || bytes === undefined ? null : 'start' };
}
