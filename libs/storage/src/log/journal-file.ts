import { dirname } from 'node:path';
import { AppError } from '@orbitmesh/domain';
import { nodeFs } from '../fs/node-fs.js';
import { toStorageError } from '../fs/storage-error.js';
import type { StorageFs } from '../fs/storage-fs.js';
import { STORAGE_LIMITS } from '../limits.js';
import { AppendFile } from './append-file.js';
import { encodeRecord, scanRecords, type DamagedLine } from './record-lines.js';

interface Waiting {
  json: Buffer;
  resolve(): void;
  reject(error: AppError): void;
}

/**
 * A small append-only file of JSON records, each with a CRC; concurrent appends share one write and
 * one fdatasync. After a failed write the file is cut back to what is known to be durable and opened
 * again by the next append.
 */
export class JournalFile {
  private queue: Waiting[] = [];
  private queuedBytes = 0;
  private running: Promise<void> | undefined;
  private closed = false;

  private constructor(
    private readonly fs: StorageFs,
    private readonly path: string,
    private file: AppendFile,
    /** The records found when it was opened, in order. */
    readonly records: unknown[],
    /** Bytes of a torn end that were cut when it was opened. */
    readonly truncatedBytes: number,
    /** Lines that had been durable and are damaged: left where they are and left out of `records`. */
    readonly damaged: DamagedLine[],
  ) {}

  /** Opens or makes the file (0600) in a directory that exists. */
  static async open(path: string, options: { fs?: StorageFs } = {}): Promise<JournalFile> {
    const fs = options.fs ?? nodeFs;
    const size = fs.sizeSync(path);
    const bytes = size === undefined ? Buffer.alloc(0) : fs.readSync(path);
    const scan = scanRecords(bytes);
    const file = await reopened(fs, path, size, scan.goodBytes);
    await fs.syncDir(dirname(path));
    const records = scan.lines.map((line) => JSON.parse(line.json.toString()) as unknown);
    return new JournalFile(fs, path, file, records, bytes.length - scan.goodBytes, scan.damaged);
  }

  get bytes(): number {
    return this.file.durableBytes;
  }

  /**
   * Resolves when the record is durable; the order of calls is the order in the file.
   * @throws STORAGE_WRITE, STORAGE_FULL when it is not written; TOO_MANY_REQUESTS when too much waits.
   */
  append(record: object): Promise<void> {
    if (this.closed) return Promise.reject(new AppError('STORAGE_WRITE', 'The journal is closed.'));
    const json = Buffer.from(JSON.stringify(record));
    if (this.queuedBytes + json.length > STORAGE_LIMITS.queueBytesMax) {
      return Promise.reject(new AppError('TOO_MANY_REQUESTS'));
    }
    this.queuedBytes += json.length;
    return new Promise((resolve, reject) => {
      this.queue.push({ json, resolve, reject });
      this.running ??= this.run();
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.running;
    await this.file.close();
  }

  private async run(): Promise<void> {
    while (this.queue.length > 0) {
      await new Promise<void>((next) => setImmediate(next));
      const batch = this.queue;
      this.queue = [];
      this.queuedBytes = 0;
      try {
        if (this.file.failed) {
          this.file = await reopened(this.fs, this.path, this.fs.sizeSync(this.path), this.file.durableBytes);
        }
        const synced = this.file.durableBytes;
        await this.file.append(Buffer.concat(batch.map((waiting) => encodeRecord(waiting.json, synced))));
        for (const waiting of batch) waiting.resolve();
      } catch (error) {
        const failure = toStorageError(error);
        for (const waiting of batch) waiting.reject(failure);
      }
    }
    this.running = undefined;
  }
}

/** Cut to `goodBytes`, and synced: what was read may have been in the page cache only. */
async function reopened(fs: StorageFs, path: string, size: number | undefined, goodBytes: number): Promise<AppendFile> {
  if (size !== undefined && size > goodBytes) await fs.truncate(path, goodBytes);
  const file = await fs.open(path, 'append');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  return AppendFile.resume(fs, path, goodBytes);
}
