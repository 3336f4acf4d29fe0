import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { link, mkdir, open, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { AppError } from '@orbitmesh/domain';
import { LOGGER, type Logger } from '@orbitmesh/service-kit';
import { GatewayConfig } from '../gateway.config.js';
import { TOKEN_FILE_BYTES_MAX } from '../limits.js';

/** `tokens/<sha256 of the token>.json`: what is kept of a user's token. */
export interface UserToken { schemaVersion: 1; id: string; name: string; createdAt: string; expiresAt?: string }

const ADMIN_TOKEN = /^omd_[A-Za-z0-9_-]{43}$/;

/**
 * Tokens of people, under `$ORBITMESH_HOME/api-gateway`. Only the local owner's is kept in plain (0600); of every other only
 * its hash. Files are made exclusively, so several gateways may share the directory (design §2).
 */
@Injectable()
export class TokenStore implements OnModuleInit {
  private readonly dir: string;
  private adminHash: Buffer | undefined;

  constructor(@Inject(GatewayConfig) config: GatewayConfig, @Inject(LOGGER) private readonly logger: Logger) {
    this.dir = join(config.home, 'api-gateway');
  }

  /** @throws CONFIG_INVALID when `admin.token` is damaged: a new one would lock its owner out unseen. */
  async onModuleInit(): Promise<void> {
    await mkdir(join(this.dir, 'tokens'), { recursive: true, mode: 0o700 });
    const file = join(this.dir, 'admin.token');
    const token = await this.read(file) ?? await this.create(file);
    if (!ADMIN_TOKEN.test(token)) throw new AppError('CONFIG_INVALID', `${file} is damaged; remove it to get a new one.`);
    this.adminHash = sha256(token);
  }

  /** In constant time. */
  isAdmin(token: string): boolean {
    return this.adminHash !== undefined && timingSafeEqual(this.adminHash, sha256(token));
  }

  /** The file's name is the token's hash: how long the look-up takes says nothing about any other token. */
  async findUser(token: string): Promise<UserToken | null> {
    const text = await this.read(join(this.dir, 'tokens', `${sha256(token).toString('hex')}.json`));
    if (text === null) return null;
    const found = parse(text);
    if (!found) this.logger.warn({ bytes: text.length }, 'damaged token file');
    return found && (found.expiresAt === undefined || Date.parse(found.expiresAt) > Date.now()) ? found : null;
  }

  private async read(file: string): Promise<string | null> {
    try {
      if ((await stat(file)).size > TOKEN_FILE_BYTES_MAX) return '';
      return (await readFile(file, 'utf8')).trim();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  /** link fails when the file is there: of several gateways one wins, and its file appears complete. */
  private async create(file: string): Promise<string> {
    const temp = `${file}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
    const handle = await open(temp, 'wx', 0o600);
    try {
      await handle.writeFile(`omd_${randomBytes(32).toString('base64url')}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    try {
      await link(temp, file);
      this.logger.info('admin token made');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      await unlink(temp);
    }
    const dir = await open(this.dir, 'r');
    await dir.sync().finally(() => dir.close());
    return await this.read(file) ?? '';
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function parse(text: string): UserToken | null {
  try {
    const value = JSON.parse(text) as Partial<UserToken> | null;
    const whole = value?.schemaVersion === 1 && typeof value.id === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(value.id);
    return whole ? value as UserToken : null;
  } catch {
    return null; // The caller reports it.
  }
}
