import { existsSync, statSync, utimesSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { HealthRegistry } from './health.registry.js';
import { READY_FILE_MS } from './limits.js';
import { keepReadyFile } from './ready-file.js';

describe('the ready file', () => {
  let dir: string;
  const warned: string[] = [];
  const logger = { warn: (_fields: unknown, text: string) => { warned.push(text); } } as never;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'om-ready-'));
    warned.splice(0);
    jest.useFakeTimers();
  });
  afterEach(async () => {
    jest.useRealTimers();
    await rm(dir, { recursive: true });
  });

  it('is there while the service is well, gone while it is not, and never old', () => {
    const [file, health] = [join(dir, 'ready'), new HealthRegistry('spec')];
    keepReadyFile(file, health, logger);
    expect(existsSync(file)).toBe(true);

    health.set('nats', false);
    expect(existsSync(file)).toBe(false);
    jest.advanceTimersByTime(READY_FILE_MS);
    expect(existsSync(file)).toBe(false);
    health.set('nats', true);
    utimesSync(file, 1, 1);
    jest.advanceTimersByTime(READY_FILE_MS);
    expect(statSync(file).mtimeMs).toBeGreaterThan(1_000);
  });

  it('that cannot be written is told once, and ends nothing', () => {
    keepReadyFile(join(dir, 'nowhere', 'ready'), new HealthRegistry('spec'), logger);
    jest.advanceTimersByTime(3 * READY_FILE_MS);
    expect(warned).toEqual(['cannot say that we are well']);
  });
});
