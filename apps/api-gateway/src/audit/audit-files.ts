import { constants } from 'node:fs';
import { mkdir, open, readFile, readdir, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { AUDIT_FILE_BYTES_MAX, AUDIT_FILES_MAX } from '../limits.js';

const NAME = /^audit-(\d{6,})\.ndjson$/;
const nameOf = (number: number): string => `audit-${String(number).padStart(6, '0')}.ndjson`;
const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;

/** Of a line: which file, and how many lines of it come before. Lines never move. */
export interface Place { number: number; index: number }

/**
 * `audit-<n>.ndjson` in a directory, one entry a line, the newest file at the end. Several gateways may append to them: each
 * writes whole lines at the file's end in one call, and whoever finds it full begins the next.
 */
export class AuditFiles {
  private file: { handle: FileHandle; number: number } | undefined;

  constructor(private readonly dir: string, private readonly fileBytesMax = AUDIT_FILE_BYTES_MAX, private readonly filesMax = AUDIT_FILES_MAX) {}

  /** Resolves when the lines are on the disk. @throws what the file system says; then some of them may be there */
  async append(lines: readonly string[]): Promise<void> {
    const { handle, startsInside } = await this.place();
    const bytes = Buffer.from(`${startsInside ? '\n' : ''}${lines.join('\n')}\n`);
    for (let at = 0; at < bytes.length;) at += (await handle.write(bytes, at)).bytesWritten;
    await handle.datasync();
  }

  /** From the newest line that was there before `before` to the oldest that is kept. A line that a crash has cut is among them. */
  async *newestFirst(before?: Place): AsyncGenerator<{ line: string; place: Place }> {
    const numbers = (await this.numbers()).filter((number) => before === undefined || number <= before.number);
    for (const number of numbers.reverse()) {
      const lines = (await readFile(join(this.dir, nameOf(number)), 'utf8').catch(unlessGone)).split('\n');
      const end = number === before?.number ? Math.min(before.index, lines.length) : lines.length;
      for (let index = end - 1; index >= 0; index -= 1) if (lines[index] !== '') yield { line: lines[index], place: { number, index } };
    }
  }

  async close(): Promise<void> {
    await this.file?.handle.close();
    this.file = undefined;
  }

  private async place(): Promise<{ handle: FileHandle; startsInside: boolean }> {
    this.file ??= await this.openAt((await this.numbers()).at(-1) ?? 1);
    let { size } = await this.file.handle.stat();
    while (size >= this.fileBytesMax) {
      const { handle, number } = this.file;
      this.file = await this.openAt(number + 1);
      await handle.close();
      await this.dropOldest();
      ({ size } = await this.file.handle.stat());
    }
    return { handle: this.file.handle, startsInside: size > 0 && !(await this.endsWithLine(size)) };
  }

  private async openAt(number: number): Promise<{ handle: FileHandle; number: number }> {
    await mkdir(this.dir, { recursive: true, mode: 0o700 });
    const handle = await open(join(this.dir, nameOf(number)), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600);
    const dir = await open(this.dir, 'r');
    await dir.sync().finally(() => dir.close());
    return { handle, number };
  }

  private async endsWithLine(size: number): Promise<boolean> {
    const reading = await open(join(this.dir, nameOf(this.file!.number)), 'r');
    try {
      const { buffer, bytesRead } = await reading.read(Buffer.alloc(1), 0, 1, size - 1);
      return bytesRead === 1 && buffer[0] === 0x0a;
    } finally {
      await reading.close();
    }
  }

  private async dropOldest(): Promise<void> {
    const numbers = await this.numbers();
    for (const number of numbers.slice(0, Math.max(0, numbers.length - this.filesMax))) await unlink(join(this.dir, nameOf(number))).catch(unlessGone);
  }

  private async numbers(): Promise<number[]> {
    const names = await readdir(this.dir).catch((error: unknown) => { unlessGone(error); return []; });
    return names.map((name) => Number(NAME.exec(name)?.[1] ?? NaN)).filter((number) => !Number.isNaN(number)).sort((a, b) => a - b);
  }
}

/** Another gateway has dropped it, or there never was one. */
function unlessGone(error: unknown): string {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  return '';
}
