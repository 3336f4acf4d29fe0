import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Project } from '@orbitmesh/domain';
import { eventually, inFull, processesNaming } from '@orbitmesh/testing';
import { pageAll } from '../support/feed.js';
import { Scenario } from '../support/scenario.js';

const node = process.execPath;
/** Ignores SIGTERM and starts a child in a session of its own that does the same, and that one another. */
const STUBBORN = `
process.on('SIGTERM', () => {});
const { spawn } = require('node:child_process');
const grandchild = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)";
const child = "process.on('SIGTERM', () => {}); require('node:child_process').spawn(process.execPath, ['-e', " + JSON.stringify(grandchild) + "], { detached: true, stdio: 'ignore' }); setInterval(() => {}, 1000)";
spawn(process.execPath, ['-e', child], { detached: true, stdio: 'ignore' }).unref();
console.log('stubborn');
setInterval(() => {}, 1000);
`;
const PROVIDERS = {
  three: { driver: 'process', command: [node, '-e', "console.log('one'); console.log('two'); process.exit(3)"] },
  good: { driver: 'process', command: [node, '-e', "console.log('done')"] },
  stubborn: { driver: 'process', command: [node, '-e', STUBBORN] },
  deaf: { driver: 'process', command: [node, '-e', 'setInterval(() => {}, 1000)'] },
};

describe('a configured command', () => {
  let home: string;
  let scenario: Scenario;
  let project: Project;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'om-home-'));
    await writeFile(join(home, 'providers.json'), JSON.stringify(PROVIDERS), { mode: 0o600 });
    scenario = await Scenario.start({ home });
    project = await scenario.project();
  }, 90_000);
  afterAll(async () => {
    await scenario.stop();
    await rm(home, { recursive: true, force: true });
  }, 30_000);

  it('that exits with 3 ends in error, with its exit code, and its lines are there', async () => {
    const { id } = await scenario.spawn(project.id, { providerType: 'three' });
    expect(await scenario.ended(id)).toMatchObject({ state: 'error', status: 'failed', outcome: { code: 'agent_exit', exitCode: 3, reported: false } });
    const text = (await pageAll((path) => scenario.api.get(path))).filter((event) => event.sessionId === id && event.type === 'output')
      .map((event) => (event.data as { content: string }).content).join('');
    expect(text).toContain('one');
    expect(text).toContain('two');
  }, 60_000);

  it('that exits with 0 is finished, but nobody reported it', async () => {
    const { id } = await scenario.spawn(project.id, { providerType: 'good' });
    expect(await scenario.ended(id)).toMatchObject({ state: 'stopped', status: 'completed', outcome: { code: 'finished', reported: false } });
  }, 60_000);

  inFull('that ignores SIGTERM and has grandchildren in sessions of their own is stopped with nothing left', async () => {
    const { id } = await scenario.spawn(project.id, { providerType: 'stubborn' });
    await scenario.running(id);
    await eventually(async () => (await processesNaming(id)).length >= 3, { what: 'child and grandchild' });
    await scenario.api.post(`/api/sessions/${id}/stop`);
    expect(await scenario.ended(id)).toMatchObject({ outcome: { code: 'stopped_by_user' } });
    expect(await processesNaming(id)).toEqual([]);
  }, 60_000);

  it('that never reads its input freezes nobody', async () => {
    const { id } = await scenario.spawn(project.id, { providerType: 'deaf', mode: 'interactive' });
    await scenario.running(id);
    const text = 'x'.repeat(200 * 1024);
    for (let n = 0; n < 50; n++) await scenario.api.request('POST', `/api/sessions/${id}/input`, { body: { text } });
    const other = await scenario.spawn(project.id, { providerType: 'good' });
    expect(await scenario.ended(other.id, 20_000)).toMatchObject({ outcome: { code: 'finished' } });
    await scenario.api.post(`/api/sessions/${id}/kill`);
    await scenario.ended(id, 30_000);
  }, 120_000);
});
