import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { COLLECTIONS } from '../store/collections.js';
import type { TestService } from './test-service.js';

/** Everything that a command could leave behind: documents of both views, the feed's head, every file. */
export async function traceOf(service: TestService): Promise<unknown> {
  await service.store.flush();
  const { pending, durable } = service.store;
  const views = [pending, durable].map((view) => Object.values(COLLECTIONS).map((name) => [...view.list<object>(name)]));
  return { views: structuredClone(views), head: service.store.head(), pendingHead: service.store.pendingHead(), files: await filesOf(service.home) };
}

async function filesOf(dir: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const name of await readdir(dir, { recursive: true })) {
    const path = join(dir, name);
    // The checkpoint is written again by every flush, a snapshot and the reserve a moment after a start; each may be on its way.
    if (/checkpoint\.json(?:\.[\d.]+om-tmp)?$|snapshot[.\w]*\.ndjson(?:\.[\d.]+om-tmp)?$|\.reserve/.test(name)) continue;
    if ((await stat(path)).isFile()) files[name] = await readFile(path, 'latin1');
  }
  return files;
}
