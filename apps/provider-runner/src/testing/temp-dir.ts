import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory of a test's own; remove it with `remove`. */
export function tempDir(): { path: string; remove(): void } {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'om-runner-spec-')));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
