import { isAbsolute, normalize, sep } from 'node:path';
import { AppError } from '@orbitmesh/domain';
import { PATH_BYTES_MAX } from '../limits.js';

/** Lexically: absolute, `.`, `..` and doubled `/` resolved, no `/` at the end. @throws WORKING_DIR_INVALID */
export function normalDirectory(path: string): string {
  if (!isAbsolute(path)) throw invalid(path, 'is not an absolute path');
  if (path.includes('\0') || Buffer.byteLength(path) > PATH_BYTES_MAX) throw invalid(path, 'is not a path');
  const normal = normalize(path);
  return normal.length > 1 && normal.endsWith(sep) ? normal.slice(0, -1) : normal;
}

/** Both normal. */
export function isInside(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}

/**
 * Nothing of ours is a place to work in, nor what has it inside: below its directory an agent may write without being asked.
 * @param homes the names of $ORBITMESH_HOME: as given and as it really is
 * @throws WORKING_DIR_INVALID
 */
export function assertOutsideHome(path: string, homes: readonly string[]): void {
  if (homes.some((home) => isInside(path, home))) throw invalid(path, 'is inside $ORBITMESH_HOME');
  if (homes.some((home) => isInside(home, path))) throw invalid(path, 'has $ORBITMESH_HOME in it');
}

/** @throws WORKING_DIR_INVALID when the (normal) path is in none of the roots. */
export function assertInsideRoots(path: string, roots: readonly string[]): void {
  if (!roots.some((root) => isInside(path, root))) throw invalid(path, 'is outside the project and every ORBITMESH_ROOTS');
}

function invalid(path: string, why: string): AppError {
  const shown = path.slice(0, 200);
  return new AppError('WORKING_DIR_INVALID', `${JSON.stringify(shown)} ${why}.`, { path: shown });
}
