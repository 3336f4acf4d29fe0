import { lstat, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';

/** What an agent keeps below its own (closed) directory is its own, with whatever modes. */
const AGENTS_OWN = /^provider-runner\/slot-\d+\/agents\/[^/]+\/[^/]+\//;

/** Everything in a home. @returns how many files there are, and what somebody else could read, or is a link */
export async function openTo(home: string): Promise<{ files: number; open: string[] }> {
  const entries = await readdir(home, { recursive: true, withFileTypes: true });
  const paths = ['.', ...entries.map((entry) => relative(home, join(entry.parentPath, entry.name)))].filter((path) => !AGENTS_OWN.test(path));
  const open = await Promise.all(paths.map(async (path) => {
    const stats = await lstat(join(home, path)).catch(() => undefined);
    if (!stats || stats.isSocket()) return [];
    const mode = stats.mode & 0o777;
    const wanted = stats.isDirectory() || path.endsWith('/bin/orbitmesh') ? 0o700 : 0o600;
    return stats.isSymbolicLink() || mode !== wanted ? [`${path} ${stats.isSymbolicLink() ? 'is a link' : mode.toString(8)}`] : [];
  }));
  return { files: paths.length, open: open.flat() };
}
