import { statSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, providerEntriesOf, PROVIDERS_FILE_BYTES_MAX, type ProviderEntry } from '@orbitmesh/domain';
import { readRegularFile } from '../files/regular-file.js';

/**
 * The entries of `$ORBITMESH_HOME/providers.json` and the built-in `demo`; read again when the file is
 * another one. A broken file changes nothing: the last good one stays in force, `problem` says why.
 */
export class ProvidersFile {
  private entries: ReadonlyMap<string, ProviderEntry>;
  private signature = '';
  private broken: string | null = null;
  private readonly path: string;

  constructor(home: string, private readonly demo: ProviderEntry) {
    this.path = join(home, 'providers.json');
    this.entries = new Map([['demo', demo]]);
  }

  get problem(): string | null {
    return this.broken;
  }

  get(name: string): ProviderEntry | undefined {
    this.refresh();
    return this.entries.get(name);
  }

  list(): { name: string; entry: ProviderEntry }[] {
    return [...this.entries].map(([name, entry]) => ({ name, entry }));
  }

  /** @returns whether the entries in force have changed */
  refresh(): boolean {
    const signature = signatureOf(this.path);
    if (signature === this.signature) return false;
    this.signature = signature;
    try {
      this.entries = new Map([['demo', this.demo], ...(signature === '' ? [] : readEntries(this.path))]);
      this.broken = null;
      return true;
    } catch (error) {
      this.broken = error instanceof AppError ? error.message : `providers.json cannot be read (${(error as NodeJS.ErrnoException).code ?? 'not JSON'}).`;
      return false;
    }
  }
}

/** Empty: there is no such file. One that cannot be looked at (a link to itself, say) is told by why, and reading it says so. */
function signatureOf(path: string): string {
  try {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false });
    return found ? [found.ino, found.mode, found.size, found.mtimeNs, found.ctimeNs].join(' ') : '';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  }
}

function readEntries(path: string): [string, ProviderEntry][] {
  const bytes = readRegularFile(path, PROVIDERS_FILE_BYTES_MAX);
  if (!bytes) throw new AppError('CONFIG_INVALID', 'providers.json: it is no regular file of at most 1 MiB.');
  return providerEntriesOf(JSON.parse(bytes.toString()) as unknown);
}
