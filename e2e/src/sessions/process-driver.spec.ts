import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Project } from '@orbitmesh/domain';
import { eventually, inFull, processesNaming } from '@orbitmesh/testing';
import { pageAll } from '../support/feed.js';
import { marksIn, plantPrograms } from '../support/hostile-repository.js';
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
const AUTHOR = Object.fromEntries(['AUTHOR', 'COMMITTER'].flatMap((who) => [[`GIT_${who}_NAME`, 'Ada'], [`GIT_${who}_EMAIL`, 'ada@example.invalid']]));
const PROVIDERS = {
  three: { driver: 'process', command: [node, '-e', "console.log('one'); console.log('two'); process.exit(3)"] },
  good: { driver: 'process', command: [node, '-e', "console.log('done', process.env.TRACEPARENT)"] },
  stubborn: { driver: 'process', command: [node, '-e', STUBBORN] },
  committer: { driver: 'process', command: ['/bin/sh', '-c', 'git status --short && git add -A && git commit -qm committed'], env: AUTHOR },
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

  const said = async (id: string): Promise<string> => (await pageAll((path) => scenario.api.get(path)))
    .filter((event) => event.sessionId === id && event.type === 'output').map((event) => (event.data as { content: string }).content).join('');

  it('that exits with 3 ends in error, with its exit code, and its lines are there', async () => {
    const { id } = await scenario.spawn(project.id, { providerType: 'three' });
    expect(await scenario.ended(id)).toMatchObject({ state: 'error', status: 'failed', outcome: { code: 'agent_exit', exitCode: 3, reported: false } });
    const text = await said(id);
    expect(text).toContain('one');
    expect(text).toContain('two');
  }, 60_000);

  it('that exits with 0 is finished, but nobody reported it', async () => {
    const { id } = await scenario.spawn(project.id, { providerType: 'good' });
    const ended = await scenario.ended(id);
    expect(ended).toMatchObject({ state: 'stopped', status: 'completed', outcome: { code: 'finished', reported: false }, traceId: expect.stringMatching(/^[0-9a-f]{32}$/) });
    // It was told which request it works for.
    expect(await said(id)).toMatch(new RegExp(`^done 00-${ended.traceId}-[0-9a-f]{16}-01\n$`));
  }, 60_000);

  it("runs none of its repository's hooks and programs, unless the project trusts it", async () => {
    const commit = async (trustRepository: boolean): Promise<string[]> => {
      const [workingDir, marks] = [await scenario.anotherRepository(), await scenario.directory()];
      await plantPrograms(workingDir, marks);
      const { id } = await scenario.spawn((await scenario.project({ workingDir, trustRepository })).id, { providerType: 'committer' });
      expect((await scenario.ended(id)).outcome).toMatchObject({ code: 'finished' });
      expect(execFileSync('git', ['log', '-1', '--format=%s'], { cwd: workingDir, encoding: 'utf8' })).toBe('committed\n');
      return marksIn(marks);
    };
    const [kept, trusted] = await Promise.all([commit(false), commit(true)]);
    expect(kept).toEqual([]);
    expect(trusted).toEqual(expect.arrayContaining(['git-fsmonitor', 'git-pre-commit', 'git-post-commit']));
  }, 60_000);

  it("is not begun in a repository whose git configuration names a program that nothing can stand for", async () => {
    const workingDir = await scenario.anotherRepository();
    execFileSync('git', ['config', 'filter.planted.clean', 'touch /tmp/never'], { cwd: workingDir });
    const { id } = await scenario.spawn((await scenario.project({ workingDir })).id, { providerType: 'good' });
    expect((await scenario.ended(id)).outcome).toMatchObject({ code: 'config_invalid', message: expect.stringMatching(/filter\.planted\.clean.*--trust-repository yes/s) });
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
