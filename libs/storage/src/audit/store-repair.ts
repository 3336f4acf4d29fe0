import { dirname, join } from 'node:path';
import { makeDirectories } from '../boot/recover-state.js';
import { readCheckpoint, type Checkpoint } from '../checkpoint.js';
import { Collections } from '../collections.js';
import { nodeFs } from '../fs/node-fs.js';
import { reasonOf } from '../fs/storage-error.js';
import type { StorageFs } from '../fs/storage-fs.js';
import { writeFileAtomic } from '../fs/write-file-atomic.js';
import { STORAGE_LIMITS } from '../limits.js';
import type { LoggedPut } from '../log/log-record.js';
import { documentText } from '../projection/document-files.js';
import { Directories } from '../projection/directories.js';
import { Quarantine } from '../quarantine.js';
import { LogStates } from './log-states.js';
import { linesOf, sessionSeqOf } from './session-audit.js';
import { auditStore, storeRoot, type AuditOptions, type Finding } from './store-audit.js';

export interface Repaired extends Finding {
  /** What was done: "put back as the log has it; …". */
  done: string;
}

/**
 * Mends what an audit finds and can be mended, and says what it did. What was there is kept in quarantine: nothing is deleted that
 * could not be made again. Holds the store's lock, and audits under it.
 * @throws STORAGE_LOCKED saying who holds the directory
 */
export async function repairStore(options: AuditOptions): Promise<Repaired[]> {
  const { fs = nodeFs } = options;
  const lock = await fs.lock(storeRoot(options));
  try {
    const { findings } = auditStore(options);
    const repair = new StoreRepair(fs, options, findings);
    const repaired: Repaired[] = [];
    for (const finding of findings) {
      const done = await repair.mend(finding);
      if (done !== undefined) repaired.push({ ...finding, done });
    }
    return repaired;
  } finally {
    await lock.release();
  }
}

class StoreRepair {
  private readonly root: string;
  private readonly quarantine: Quarantine;
  private readonly collections: Collections;
  private readonly sessions: Checkpoint['sessions'];
  private readonly trimmed: Record<string, number>;
  private readonly states: LogStates;
  /** What is to be put back, by its file. */
  private readonly puts: Map<string, LoggedPut>;

  constructor(private readonly fs: StorageFs, private readonly options: AuditOptions, findings: readonly Finding[]) {
    this.root = storeRoot(options);
    this.quarantine = new Quarantine(fs, this.root, STORAGE_LIMITS.damagesReportedMax);
    this.collections = new Collections(options.layout.collections);
    const checkpoint = readCheckpoint(fs, this.root);
    const usable = checkpoint === 'damaged' ? undefined : checkpoint;
    this.sessions = usable?.sessions ?? {};
    this.trimmed = usable?.trimmed ?? {};
    this.states = new LogStates(fs, this.root, this.collections, usable);
    const files = new Set(findings.filter(({ remedy }) => remedy === 'rebuild').map(({ file }) => file));
    const keys = [...this.states.documents].filter(([, states]) => files.has(states[states.length - 1].path)).map(([key]) => key);
    const bodies = this.states.bodiesOf(new Set(keys)).values();
    this.puts = new Map([...bodies].map((put) => [this.collections.path(put.collection, put.id, put.doc), put]));
  }

  /** @returns what was done; undefined: nothing. A failure is told as what was done, and hurts nothing else. */
  async mend(finding: Finding): Promise<string | undefined> {
    try {
      if (finding.remedy === 'remove') return await this.remove(finding);
      if (finding.remedy === 'aside') return await this.putAside(finding);
      if (finding.remedy === 'rebuild') return await (finding.kind === 'events' ? this.rebuildEvents(finding) : this.rebuild(finding));
      return undefined;
    } catch (error) {
      return `could not be mended: ${reasonOf(error)}`;
    }
  }

  private async remove({ file }: Finding): Promise<string> {
    await this.fs.unlink(join(this.root, file));
    return 'removed';
  }

  private async putAside({ file, problem }: Finding): Promise<string> {
    const path = join(this.root, file);
    await this.quarantine.take(path, problem);
    // It may have been made for it alone: tasks of a project that nobody has.
    await new Directories(this.fs, this.root).removeIfEmpty(dirname(path));
    return 'moved into quarantine';
  }

  private async rebuild(finding: Finding): Promise<string> {
    const put = this.puts.get(finding.file);
    if (put === undefined) throw new Error('the log does not have it any more');
    const text = documentText(this.collections.spec(put.collection).plain, put.schemaVersion, put.doc);
    return `put back as the log has it${await this.replace(finding, text)}`;
  }

  /** Exactly as it was, or not at all: the checkpoint counts its bytes. */
  private async rebuildEvents(finding: Finding): Promise<string> {
    const { file } = finding;
    const [id, [seq, bytes]] = Object.entries(this.sessions).find(([one]) => this.options.layout.sessionEvents?.(one) === file)!;
    const path = join(this.root, file);
    const there = this.fs.sizeSync(path) === undefined ? Buffer.alloc(0) : this.fs.readSync(path);
    const lines = this.states.linesOf(id);
    for (const line of linesOf(there)) {
      const n = sessionSeqOf(line);
      if (n !== undefined && !lines.has(n)) lines.set(n, line.toString());
    }
    const first = (this.trimmed[id] ?? 0) + 1;
    const text = Array.from({ length: seq + 1 - first }, (_, n) => `${lines.get(first + n) ?? ''}\n`).join('');
    if (Buffer.byteLength(text) !== bytes) throw new Error('not all of its lines are in the log');
    return `written again from the log${await this.replace(finding, text)}`;
  }

  /** What is there is kept first. @returns that it was, for the end of a sentence */
  private async replace({ kind, file, problem }: Finding, text: string): Promise<string> {
    const path = join(this.root, file);
    const isThere = kind === 'no-file' || this.fs.sizeSync(path) !== undefined;
    if (kind === 'no-file') await this.quarantine.take(path, problem);
    else if (isThere) await this.quarantine.keep(path, problem);
    await makeDirectories(this.fs, dirname(path));
    await writeFileAtomic(path, text, { fs: this.fs });
    return isThere ? '; what was there is in quarantine' : '';
  }
}
