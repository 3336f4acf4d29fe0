/**
 * Loaded into a process of a stack before it starts (`node --import`): on SIGWINCH, which nothing else means to a process without a
 * terminal, it collects its garbage and writes what is left in use, in bytes, to `<dir>/used-<pid>`. `?dir=`: where.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const dir = new URL(import.meta.url).searchParams.get('dir');

if (/(?:dist[/\\]main\.(?:bundle\.)?js|launch\.mjs)$/.test(process.argv[1] ?? '')) {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  process.on('SIGWINCH', () => {
    // What a finalizer let go of is garbage the second time.
    collect();
    collect();
    const { heapUsed, external } = process.memoryUsage();
    const path = join(dir, `used-${process.pid}`);
    writeFileSync(`${path}.tmp`, String(heapUsed + external));
    renameSync(`${path}.tmp`, path);
  });
}
