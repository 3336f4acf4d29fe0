import { watch, type FSWatcher } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { AppError, newUlidSource } from '@orbitmesh/domain';
import { ADMIN_TOKEN_ID, TOKEN_SCOPES, type CreateTokenBody, type MadeToken, type Token } from '@orbitmesh/contracts';
import { LOGGER, type Logger } from '@orbitmesh/service-kit';
import { GatewayConfig } from '../gateway.config.js';
import { MADE_BY_MS, USER_TOKENS_MAX } from '../limits.js';
import { AdminToken } from './admin-token.js';
import { hashOf, newSecret } from './secret.js';
import { placeTokenFile, readTokenFile, removeTokenFile, renameTokenFile } from './token-file.js';
import { isExpired, parseUserToken, shown, type MadeBy, type UserToken } from './user-token.js';

interface Kept { file: string; token: UserToken }

/**
 * Tokens of people, under `$ORBITMESH_HOME/api-gateway` (ADR-0029). Only the local owner's is kept in plain; of every other only its
 * hash, which names its file. The files are the truth, read with every request, so several gateways may share the directory.
 */
@Injectable()
export class TokenStore implements OnModuleInit, OnModuleDestroy {
  private readonly dir: string;
  private readonly tokensDir: string;
  private readonly admin: AdminToken;
  private readonly newId = newUlidSource(Date.now);
  private readonly listeners = new Set<() => void>();
  private watchers: FSWatcher[] = [];
  private turn: Promise<unknown> = Promise.resolve();

  constructor(@Inject(GatewayConfig) config: GatewayConfig, @Inject(LOGGER) private readonly logger: Logger) {
    this.dir = join(config.home, 'api-gateway');
    this.tokensDir = join(this.dir, 'tokens');
    this.admin = new AdminToken(join(this.dir, 'admin.token'), logger);
  }

  /** @throws CONFIG_INVALID when `admin.token` is damaged, or open to others */
  async onModuleInit(): Promise<void> {
    await mkdir(this.tokensDir, { recursive: true, mode: 0o700 });
    await this.admin.load();
    this.watchers = [this.dir, this.tokensDir].flatMap((directory) => this.watched(directory));
  }

  onModuleDestroy(): void {
    for (const watcher of this.watchers) watcher.close();
  }

  /** Told whenever a token may have ended, also by another gateway where the file system says so. */
  onChange(listener: () => void): void {
    this.listeners.add(listener);
  }

  /** In constant time. @throws UNAVAILABLE when the disk does not say */
  isAdmin(token: string): Promise<boolean> {
    return this.admin.is(token);
  }

  /** The file's name is the token's hash: how long the look-up takes says nothing about any other token. @throws UNAVAILABLE */
  async findUser(token: string): Promise<UserToken | null> {
    const found = await this.read(this.fileOf(token));
    return found && !isExpired(found) ? found : null;
  }

  /** Oldest first, those that have expired too. @throws UNAVAILABLE */
  async list(): Promise<Token[]> {
    return (await this.all()).map(({ token }) => shown(token));
  }

  /** @throws TOKEN_NOT_FOUND */
  async get(id: string): Promise<Token> {
    return shown((await this.kept(id)).token);
  }

  /**
   * @param madeBy names the request: after the answer is forgotten it cannot be given again, and makes no second token either
   * @throws CONFLICT for a request that made one already, LIMIT_REACHED, STORAGE_FULL, STORAGE_WRITE
   */
  create({ name, scopes, expiresAt }: CreateTokenBody, madeBy?: MadeBy): Promise<MadeToken> {
    return this.inTurn(async () => {
      await this.makeRoom(madeBy);
      const made: UserToken = {
        schemaVersion: 1, id: this.newId('token'), name, scopes: TOKEN_SCOPES.filter((scope) => !scopes || scopes.includes(scope)),
        createdAt: new Date().toISOString(), ...(expiresAt && { expiresAt: new Date(expiresAt).toISOString() }), ...(madeBy && { madeBy }),
      };
      const token = newSecret('omu_');
      await placeTokenFile(this.fileOf(token), `${JSON.stringify(made, null, 2)}\n`, 'new');
      return { ...shown(made), token };
    });
  }

  /**
   * From when this resolves the old one is worth nothing.
   * @param by the admin's token, as it was shown: of two that replace it at once the second comes too late
   * @throws UNAUTHENTICATED, TOKEN_NOT_FOUND, CONFLICT, STORAGE_FULL, STORAGE_WRITE
   */
  rotate(id: string, by: string): Promise<MadeToken> {
    return this.inTurn(async () => {
      if (id === ADMIN_TOKEN_ID) {
        if (!await this.admin.is(by)) throw new AppError('UNAUTHENTICATED');
        const token = await this.admin.rotate();
        return { id, name: id, scopes: [...TOKEN_SCOPES], createdAt: new Date().toISOString(), expiresAt: null, token };
      }
      const { file, token: kept } = await this.kept(id);
      const token = newSecret('omu_');
      // Its file gets another name and nothing else: no moment with two tokens, or with none.
      if (!await renameTokenFile(file, this.fileOf(token))) throw new AppError('CONFLICT', 'It was rotated or revoked meanwhile.', { id });
      return { ...shown(kept), token };
    });
  }

  /** From when this resolves it is worth nothing. @throws TOKEN_NOT_FOUND, STORAGE_WRITE */
  revoke(id: string): Promise<void> {
    return this.inTurn(async () => {
      // Rotated by another gateway between the look and the removal, it goes by another name.
      while (!await removeTokenFile((await this.kept(id)).file));
    });
  }

  private async makeRoom(madeBy: MadeBy | undefined): Promise<void> {
    const all = await this.all();
    const twin = madeBy && all.find(({ token }) => token.madeBy?.key === madeBy.key && Date.parse(token.createdAt) > Date.now() - MADE_BY_MS);
    if (twin && twin.token.madeBy?.body !== madeBy.body) throw new AppError('IDEMPOTENCY_KEY_REUSED');
    if (twin) throw new AppError('CONFLICT', `This request has made ${twin.token.id}, whose token was shown once; rotate it to get one.`, { id: twin.token.id });
    if (all.length < USER_TOKENS_MAX) return;
    const ended = all.filter(({ token }) => isExpired(token));
    if (ended.length === 0) throw new AppError('LIMIT_REACHED', `There are ${USER_TOKENS_MAX} tokens; revoke one first.`, { max: USER_TOKENS_MAX });
    for (const { file } of ended) await removeTokenFile(file);
  }

  private async kept(id: string): Promise<Kept> {
    const found = (await this.all()).find(({ token }) => token.id === id);
    if (!found) throw new AppError('TOKEN_NOT_FOUND', `There is no token ${id}.`, { id });
    return found;
  }

  private async all(): Promise<Kept[]> {
    const names = (await readdir(this.tokensDir).catch((cause: unknown) => { throw new AppError('UNAVAILABLE', undefined, {}, { cause }); })).filter((name) => /^[0-9a-f]{64}\.json$/.test(name));
    const kept: Kept[] = [];
    for (const name of names) {
      const file = join(this.tokensDir, name);
      const token = await this.read(file);
      if (token) kept.push({ file, token });
    }
    return kept.sort((a, b) => (a.token.id < b.token.id ? -1 : 1));
  }

  private async read(file: string): Promise<UserToken | null> {
    const seen = await readTokenFile(file);
    if (!seen) return null;
    const token = parseUserToken(seen.text);
    if (!token) this.logger.warn({ bytes: seen.text.length }, 'damaged token file');
    return token;
  }

  private fileOf(token: string): string {
    return join(this.tokensDir, `${hashOf(token).toString('hex')}.json`);
  }

  /** One after the other: what one has looked at is still so when it writes. */
  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.turn.then(work);
    this.turn = mine.catch(() => undefined);
    const result = await mine;
    this.tell();
    return result;
  }

  /** Where the system has no watch to give, or none for this file system, ended tokens of others are noticed a little later. */
  private watched(directory: string): FSWatcher[] {
    try {
      const watcher = watch(directory, { persistent: false }, () => this.tell());
      watcher.on('error', (error) => this.logger.warn({ err: error }, 'tokens are not watched any more'));
      return [watcher];
    } catch (error) {
      this.logger.warn({ err: error }, 'tokens cannot be watched');
      return [];
    }
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}
