import { realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, sep } from 'node:path';
import { AppError } from '@orbitmesh/domain';
import { placeOf } from '@orbitmesh/storage';

/**
 * Where an agent may be started (design §4.3): an existing directory whose real path is inside the
 * real path of an allowed root, and neither inside `$ORBITMESH_HOME` nor above it: what an agent may write without being asked is what is
 * below it.
 * @param own the only directories that this runner has; none: any that it sees
 * @throws WORKING_DIR_INVALID saying which of these it is
 */
export function resolveWorkingDir(path: string, roots: readonly string[], home: string, own: readonly string[] = []): string {
  if (!isAbsolute(path) || path.includes('\0')) throw invalid(path, 'is not an absolute path');
  if (own.length > 0 && !own.some((root) => isInside(path, root))) throw invalid(path, 'is in none of the directories of this runner');
  const real = realPathOf(path);
  if (real === undefined) throw invalid(path, 'does not exist');
  if (!statSync(real).isDirectory()) throw invalid(path, 'is not a directory');
  const ours = realPathOf(home) ?? home;
  if (isWithin(real, ours)) throw invalid(path, 'is inside the home of OrbitMesh');
  if (isWithin(ours, real)) throw invalid(path, 'has the home of OrbitMesh in it');
  const allowed = roots.some((root) => isInside(real, realPathOf(root) ?? root));
  if (!allowed) throw invalid(path, 'is outside the allowed roots');
  return real;
}

/** As directories, not by their names: one that is mounted in two places has two, and where case does not count it has many. */
export function isWithin(path: string, directory: string): boolean {
  const place = placeOf(directory);
  if (isInside(path, directory) || (place !== undefined && placeOf(path) === place)) return true;
  return dirname(path) !== path && isWithin(dirname(path), directory);
}

export function isInside(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}

/** undefined: there is none. */
export function realPathOf(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP', 'ENAMETOOLONG'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

function invalid(path: string, why: string): AppError {
  return new AppError('WORKING_DIR_INVALID', `The working directory ${path} ${why}.`, { path, reason: why });
}
