import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { GIT_CONFIG_BYTES_MAX, GIT_CONFIG_TIMEOUT_MS } from '../limits.js';

const run = promisify(execFile);

export interface GitSetting {
  /** Not the user's nor the system's: it came with the repository. */
  isRepositorys: boolean;
  /** In lower case, but for the part that is somebody's own name. */
  key: string;
  value: string;
}

/** What a repository is made of, as git sees it from a working directory. */
export interface GitPlace {
  settings: GitSetting[];
  /** Real paths; undefined: git finds no working tree there. */
  top: string | undefined;
  commonDir: string | undefined;
}

/**
 * As git itself reads them there. Nothing where there is no git, or where it cannot read them: then it does nothing else there either.
 * @returns undefined when there is no end to it
 */
export async function gitPlaceOf(workingDir: string, variables: Readonly<Record<string, string>>): Promise<GitPlace | undefined> {
  // Somebody else's repository, too: an agent that git tells of `safe.directory` says it of all it sees.
  const ask = (...args: string[]) => run('git', ['-c', 'safe.directory=*', ...args], {
    cwd: workingDir, env: { ...variables, LC_ALL: 'C' }, timeout: GIT_CONFIG_TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: GIT_CONFIG_BYTES_MAX,
  }).then(({ stdout }) => stdout);
  try {
    const [settings, paths] = await Promise.all([
      ask('config', '--list', '--null', '--show-scope').then(settingsIn, nothingUnlessEndless),
      ask('rev-parse', '--path-format=absolute', '--show-toplevel', '--git-common-dir').then((text) => text.trimEnd().split('\n'), nothingUnlessEndless),
    ]);
    const [top, commonDir] = paths.length === 2 ? paths : [];
    return { settings, top, commonDir };
  } catch {
    return undefined;
  }
}

function settingsIn(text: string): GitSetting[] {
  const words = text.split('\0');
  return Array.from({ length: Math.floor(words.length / 2) }, (_, n) => {
    const [scope, pair] = words.slice(n * 2);
    const at = pair.indexOf('\n');
    const [key, value] = at < 0 ? [pair, 'true'] : [pair.slice(0, at), pair.slice(at + 1)];
    return { isRepositorys: scope === 'local' || scope === 'worktree', key, value };
  });
}

function nothingUnlessEndless(error: { killed?: boolean; code?: string | number }): never[] {
  if (error.killed || error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') throw error as Error;
  return [];
}
