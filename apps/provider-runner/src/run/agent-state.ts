import { chmodSync, lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@orbitmesh/domain';
import { AGENT_STATE_BYTES_MAX, AGENT_STATE_FILES_MAX } from '../limits.js';
import { PROVIDER_NAME } from '../providers/providers-file.js';

/** The variable that tells an agent its state directory. */
export const AGENT_STATE_VARIABLE = 'ORBITMESH_AGENT_STATE';

/**
 * `slot-<n>/agents/<provider>/`: what the agents of a provider keep from one run to another, so that a
 * session can be continued (ADR-0011). The agent fills it, with one file a conversation; the runner
 * makes it, for its owner alone, and removes the files that were not written for longest when there are
 * too many. What is no file is none of ours and stays.
 */
export class AgentStates {
  constructor(private readonly dir: string) {}

  /** Made when it is first needed. @throws CONFIG_INVALID when the name could lead elsewhere, or something else stands in its place */
  directoryOf(provider: string): string {
    if (!PROVIDER_NAME.test(provider)) throw new AppError('CONFIG_INVALID', 'The name of the provider cannot be part of a path.', { provider });
    const directory = join(this.dir, provider);
    for (const path of [this.dir, directory]) makeOwn(path);
    return directory;
  }

  /** The newest files stay, as many as fit into the bounds; one that would not fit by itself goes alone. */
  prune(provider: string): void {
    const directory = join(this.dir, provider);
    if (!PROVIDER_NAME.test(provider) || !lstatSync(directory, { throwIfNoEntry: false })?.isDirectory()) return;
    const files = readdirSync(directory).flatMap((name) => {
      const path = join(directory, name);
      const stat = lstatSync(path, { throwIfNoEntry: false });
      return stat?.isFile() ? [{ path, bytes: stat.size, writtenAt: stat.mtimeMs }] : [];
    });
    const kept = { files: 0, bytes: 0 };
    for (const { path, bytes } of files.sort((a, b) => b.writtenAt - a.writtenAt)) {
      if (kept.files >= AGENT_STATE_FILES_MAX || kept.bytes + bytes > AGENT_STATE_BYTES_MAX) {
        rmSync(path, { force: true });
      } else {
        kept.files += 1;
        kept.bytes += bytes;
      }
    }
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
