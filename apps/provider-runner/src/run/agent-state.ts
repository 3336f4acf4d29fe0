import { chmodSync, lstatSync, mkdirSync, utimesSync } from 'node:fs';
import { lstat, opendir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, assertId, PROVIDER_NAME } from '@orbitmesh/domain';
import { AGENT_STATES_BYTES_MAX, AGENT_STATES_MAX, AGENT_STATE_FILES_MAX, PRUNE_REST_FACTOR } from '../limits.js';
import { SharedWork } from '../process/shared-work.js';

/** The variable that tells an agent its state directory. */
export const AGENT_STATE_VARIABLE = 'ORBITMESH_AGENT_STATE';

/**
 * `slot-<n>/agents/<provider>/<conversation>/`: what an agent keeps of one conversation from one run to the
 * next, so that a session can be continued (ADR-0011): its settings, its login state, its transcripts. No
 * two sessions share one, unless the one continues the other. The agent fills it; the runner makes it, for
 * its owner alone, and removes the oldest when there are too many.
 */
export class AgentStates {
  /** Bytes of those that nobody uses now: they do not change any more. */
  private readonly sizes = new Map<string, number>();
  /** By provider: many runs end at once, and looking at a thousand directories for each would be all that is done. */
  private readonly pruning = new Map<string, SharedWork<void>>();

  constructor(private readonly dir: string) {}

  /**
   * Made when it is first needed.
   * @throws CONFIG_INVALID when the provider's name could lead elsewhere, or something else stands in its place;
   * VALIDATION_FAILED for a conversation that is no id
   */
  directoryOf(provider: string, conversationId: string): string {
    if (!PROVIDER_NAME.test(provider)) throw new AppError('CONFIG_INVALID', 'The name of the provider cannot be part of a path.', { provider });
    assertId(conversationId, 'conversationId');
    const directory = join(this.dir, provider, conversationId);
    for (const path of [this.dir, join(this.dir, provider), directory]) makeOwn(path);
    this.sizes.delete(directory);
    return directory;
  }

  /**
   * A run of this conversation ended: it is the newest, and what is too much goes soon.
   * @param inUse tells at any time which conversations of the provider have a run
   */
  async ended(provider: string, conversationId: string, inUse: () => ReadonlySet<string>): Promise<void> {
    const directory = join(this.dir, provider);
    if (!PROVIDER_NAME.test(provider) || !lstatSync(directory, { throwIfNoEntry: false })?.isDirectory()) return;
    const now = new Date();
    if (lstatSync(join(directory, conversationId), { throwIfNoEntry: false })?.isDirectory()) utimesSync(join(directory, conversationId), now, now);
    if (!this.pruning.has(provider)) this.pruning.set(provider, new SharedWork(() => this.prune(directory, inUse), PRUNE_REST_FACTOR));
    await this.pruning.get(provider)!.next();
  }

  /** @throws what kept one from being removed, when all the others are */
  private async prune(directory: string, inUse: () => ReadonlySet<string>): Promise<void> {
    const found = await Promise.all((await readdir(directory)).map(async (name) => ({ name, stat: await lstat(join(directory, name)).catch(() => undefined) })));
    const newestFirst = found.filter(({ stat }) => stat?.isDirectory()).sort((a, b) => b.stat!.mtimeMs - a.stat!.mtimeMs);
    const kept = { count: 0, bytes: 0 };
    const used = inUse();
    const failures: unknown[] = [];
    for (const { name } of newestFirst) {
      const path = join(directory, name);
      const bytes = used.has(name) ? 0 : await this.sizeOf(path);
      // Asked again before it goes: a session may have been continued meanwhile.
      if (used.has(name) || (kept.count < AGENT_STATES_MAX && kept.bytes + bytes <= AGENT_STATES_BYTES_MAX) || inUse().has(name)) {
        kept.count += 1;
        kept.bytes += bytes;
      } else {
        await rm(path, { recursive: true, force: true }).catch((error: unknown) => failures.push(error));
        this.sizes.delete(path);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  private async sizeOf(path: string): Promise<number> {
    const known = this.sizes.get(path);
    if (known !== undefined) return known;
    let bytes = 0;
    let files = 0;
    try {
      for await (const entry of await opendir(path, { recursive: true })) {
        if (!entry.isFile()) continue;
        // Links are not followed: what they lead to is not kept here.
        bytes += (await lstat(join(entry.parentPath, entry.name)).catch(() => undefined))?.size ?? 0;
        files += 1;
        if (files >= AGENT_STATE_FILES_MAX) break;
      }
    } catch {
      // Its agent made it too deep, or closed it: it counts as what was seen of it, and holds up none of the others.
    }
    this.sizes.set(path, bytes);
    return bytes;
  }
}

/** What an agent writes there must not end up elsewhere: a link is refused, wherever it leads. */
function makeOwn(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const found = lstatSync(path);
  if (!found.isDirectory()) throw new AppError('CONFIG_INVALID', `There is no place for what the agent keeps: ${path} is not a directory (links are not followed).`);
  if (found.uid !== process.getuid?.()) throw new AppError('CONFIG_INVALID', `There is no place for what the agent keeps: ${path} belongs to somebody else.`);
  if ((found.mode & 0o777) !== 0o700) chmodSync(path, 0o700);
}
