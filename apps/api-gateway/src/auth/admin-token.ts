import { timingSafeEqual } from 'node:crypto';
import { AppError } from '@orbitmesh/domain';
import type { Logger } from '@orbitmesh/service-kit';
import { hashOf, newSecret } from './secret.js';
import { openTo, placeTokenFile, readTokenFile, versionOf, type Seen } from './token-file.js';

const ADMIN_TOKEN = /^omd_[A-Za-z0-9_-]{43}$/;

/** `admin.token`: the local owner's, the only one that is kept in plain (0600). What the file says counts at once, whoever wrote it. */
export class AdminToken {
  private known: { version: string | null; hash: Buffer | null } = { version: null, hash: null };

  constructor(private readonly file: string, private readonly logger: Logger) {}

  /** Makes the file where there is none. @throws CONFIG_INVALID when it is damaged (a new one would lock its owner out unseen), or open to others. */
  async load(): Promise<void> {
    const seen = await readTokenFile(this.file) ?? await this.make();
    const wrong = seen && this.wrongWith(seen);
    if (wrong) throw new AppError('CONFIG_INVALID', wrong);
    this.take(seen);
  }

  /** In constant time. @throws UNAVAILABLE */
  async is(token: string): Promise<boolean> {
    if (!token.startsWith('omd_')) return false;
    if (versionOf(this.file) !== this.known.version) await this.reload();
    const { hash } = this.known;
    return hash !== null && timingSafeEqual(hash, hashOf(token));
  }

  /** From when this resolves the old one is worth nothing, in every gateway of this home. @throws STORAGE_FULL, STORAGE_WRITE */
  async rotate(): Promise<string> {
    const token = newSecret('omd_');
    await placeTokenFile(this.file, `${token}\n`, 'replace');
    await this.reload();
    return token;
  }

  private async make(): Promise<Seen | null> {
    if (await placeTokenFile(this.file, `${newSecret('omd_')}\n`, 'new') === 'placed') this.logger.info('admin token made');
    return readTokenFile(this.file);
  }

  private async reload(): Promise<void> {
    const seen = await readTokenFile(this.file);
    const wrong = seen ? this.wrongWith(seen) : `${this.file} is gone: nobody is admin until the next start makes a new one.`;
    if (wrong) this.logger.error({ reason: wrong }, 'admin token refused');
    this.take(seen);
  }

  private take(seen: Seen | null): void {
    this.known = { version: seen?.version ?? null, hash: seen && !this.wrongWith(seen) ? hashOf(seen.text) : null };
  }

  private wrongWith(seen: Seen): string | null {
    if (!ADMIN_TOKEN.test(seen.text)) return `${this.file} is damaged; remove it to get a new one.`;
    const mode = openTo(seen);
    return mode && `${this.file} is open to other users (mode ${mode}), who may have read it. Close it, chmod 600 ${this.file}, and take a new one: orbitmesh token rotate admin.`;
  }
}
