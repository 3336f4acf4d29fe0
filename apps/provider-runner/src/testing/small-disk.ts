import { execFileSync, spawnSync } from 'node:child_process';
import { tempDir } from './temp-dir.js';

/** A disk of its own at this directory, so that it can be full for certain: only root may have one. @returns whether it is there */
export function mountSmallDisk(dir: string, size: string): boolean {
  return process.platform === 'linux' && spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', dir]).status === 0;
}

/** With whatever is on it, and who still uses it. */
export function unmountSmallDisk(dir: string): void {
  spawnSync('umount', ['-l', dir]);
}

export function canMountSmallDisk(): boolean {
  const probe = tempDir();
  try {
    if (!mountSmallDisk(probe.path, '256k')) return false;
    execFileSync('umount', [probe.path]);
    return true;
  } finally {
    probe.remove();
  }
}
