import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, providerEntriesOf, PROVIDERS_FILE_BYTES_MAX } from '@orbitmesh/domain';

/** What session-service needs of an entry of `providers.json`; the command is only the runners' business. */
export interface CatalogEntry {
  name: string;
  driver: string;
  /** `custom.stallSeconds`: for a driver that knows no turns, the only way to be watched. */
  stallMs: number | null;
}

const DEMO: CatalogEntry = { name: 'demo', driver: 'acp', stallMs: null };

/**
 * The names in `$ORBITMESH_HOME/providers.json` and the built-in `demo`. `refresh` reads the file again
 * when it is another one; a broken file is told in health and the last good one stays.
 */
export class ProviderCatalog {
  private entries = new Map<string, CatalogEntry>([[DEMO.name, DEMO]]);
  private signature = '';
  private broken: string | null = null;
  private readonly file: string;

  constructor(home: string) {
    this.file = join(home, 'providers.json');
  }

  /** Why the present file is not used, if so. */
  get problem(): string | null {
    return this.broken;
  }

  has(name: string): boolean {
    return this.entries.has(name);
  }

  get(name: string): CatalogEntry | undefined {
    return this.entries.get(name);
  }

  list(): CatalogEntry[] {
    return [...this.entries.values()];
  }

  async refresh(): Promise<void> {
    try {
      const found = await stat(this.file, { bigint: true });
      const signature = [found.ino, found.size, found.mtimeNs, found.ctimeNs].join(' ');
      if (signature === this.signature) return;
      const entries = await this.read();
      this.entries = entries;
      this.signature = signature;
      this.broken = null;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') this.forget();
      else this.broken = error instanceof AppError ? error.message : `providers.json cannot be read (${(error as NodeJS.ErrnoException).code ?? 'not JSON'}).`;
    }
  }

  private forget(): void {
    this.entries = new Map([[DEMO.name, DEMO]]);
    this.signature = '';
    this.broken = null;
  }

  private async read(): Promise<Map<string, CatalogEntry>> {
    // A FIFO would hold the open, and with it a thread of the pool, until somebody writes to it.
    const handle = await open(this.file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const found = await handle.stat();
      if (!found.isFile()) throw new AppError('CONFIG_INVALID', 'providers.json is not a regular file.');
      if (found.size > PROVIDERS_FILE_BYTES_MAX) throw new AppError('CONFIG_INVALID', 'providers.json is too large.');
      return entriesOf(JSON.parse(await handle.readFile('utf8')) as unknown);
    } finally {
      await handle.close();
    }
  }
}

/** As the runners read it: what they do not use cannot be spawned. @throws CONFIG_INVALID naming the entry */
function entriesOf(document: unknown): Map<string, CatalogEntry> {
  const found = providerEntriesOf(document).map(([name, { driver, custom }]): [string, CatalogEntry] => {
    const seconds = custom?.stallSeconds;
    return [name, { name, driver, stallMs: typeof seconds === 'number' && seconds > 0 ? seconds * 1_000 : null }];
  });
  return new Map([[DEMO.name, DEMO], ...found]);
}
