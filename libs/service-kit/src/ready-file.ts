import { rmSync, writeFileSync } from 'node:fs';
import type { HealthRegistry } from './health.registry.js';
import { READY_FILE_MS } from './limits.js';
import type { Logger } from './logger.js';

/**
 * Says by a file that we are well: a container has no IPC channel to be told on. A process that hangs or is suspended leaves it to grow
 * old. A few bytes at once, and not in turns: one that is late must not write over what has become of us since.
 */
export function keepReadyFile(file: string, health: Pick<HealthRegistry, 'ok' | 'onChange'>, logger: Pick<Logger, 'warn'>): void {
  let told = false;
  const write = (): void => {
    try {
      if (health.ok) writeFileSync(file, `${process.pid}\n`);
      else rmSync(file, { force: true });
      told = false;
    } catch (err) {
      if (!told) logger.warn({ err, file }, 'cannot say that we are well');
      told = true;
    }
  };
  write();
  health.onChange(write);
  setInterval(write, READY_FILE_MS).unref();
}
