import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Project, SessionView } from '@orbitmesh/domain';
import { eventually, LONG, processesNaming } from '@orbitmesh/testing';
import { Scenario } from '../support/scenario.js';
import { FAULT_TEST_MS } from './how-often.js';

const mount = (dir: string): boolean =>
  process.platform === 'linux' && spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=96m,mode=0700', 'tmpfs', dir]).status === 0;
const unmount = (dir: string): void => void spawnSync('umount', ['-l', dir]);

const MOUNTABLE = LONG && ((): boolean => {
  const dir = mkdtempSync(join(tmpdir(), 'om-disk-'));
  const mounted = mount(dir);
  if (mounted) unmount(dir);
  rmSync(dir, { recursive: true });
  return mounted;
})();

(MOUNTABLE ? describe : describe.skip)('a home on a small disk of its own', () => {
  let scenario: Scenario | undefined;
  let home: string;
  afterEach(async () => {
    await scenario?.stop();
    unmount(home);
    rmSync(home, { recursive: true, force: true });
  }, 60_000);

  async function start(): Promise<{ project: Project; session: SessionView; scenario: Scenario }> {
    home = mkdtempSync(join(tmpdir(), 'om-disk-'));
    mount(home);
    scenario = await Scenario.start({ home });
    const project = await scenario.project();
    const session = await scenario.api.insist<SessionView>('POST', '/api/sessions/spawn', {
      projectId: project.id, initialDirective: 'Count', permissionMode: 'allow', custom: { demo: { numbered: 10_000, delayMs: 200 } },
    });
    await scenario.running(session.id);
    await eventually(() => ['session-service', 'notifier'].every((store) => statSync(join(home, store, '.reserve'), { throwIfNoEntry: false })?.size === 8 * 2 ** 20), { what: 'both reserves' });
    return { project, session, scenario };
  }

  const status = async (method: string, path: string, body?: object) => (await scenario!.api.request(method, path, { body })).status;

  it('that is full refuses ordinary commands and reads on, records a stop and ends its agent, and goes on by itself once there is room', async () => {
    const { project, session, scenario: { api } } = await start();
    fill(join(home, 'ballast'));

    await eventually(async () => await status('POST', '/api/tasks', { projectId: project.id, title: 'x' }) === 507, { what: 'a full disk' });
    expect(await status('GET', `/api/sessions/${session.id}/events`)).toBe(200);
    expect(await status('GET', '/api/events')).toBe(200);
    await eventually(async () => {
      const ready = await scenario!.api.request('GET', '/health/ready');
      expect(ready).toMatchObject({ status: 503, body: { problems: { sessionService: expect.stringContaining('The disk is full') } } });
      return true;
    }, { what: 'the words of session-service' });
    expect(cli(home, 'status').stdout).toContain('The disk is full');

    expect(await status('POST', `/api/sessions/${session.id}/stop`, {})).toBe(202);
    const run = (await api.get<SessionView>(`/api/sessions/${session.id}`)).run!;
    await eventually(async () => (await processesNaming(run.runId)).length === 0, { what: 'the end of its agent', timeoutMs: 30_000 });
    expect(await api.get(`/api/sessions/${session.id}`)).toMatchObject({ desired: { state: 'stopped' } });

    rmSync(join(home, 'ballast'));
    await eventually(async () => await status('POST', '/api/tasks', { projectId: project.id, title: 'y' }) === 201, { what: 'a write', timeoutMs: 30_000 });
    expect(await scenario!.ended(session.id)).toMatchObject({ state: 'stopped', outcome: { code: 'stopped_by_user' } });
    // All that the doctor finds is that the disk is a small one.
    await eventually(async () => {
      const { stdout } = cli(home, 'doctor');
      expect(stdout.match(/✗.*/g)).toEqual([expect.stringMatching(/^✗ Only \d+ MiB are free/)]);
      return true;
    }, { what: 'a doctor who finds nothing', timeoutMs: 30_000 });
  }, FAULT_TEST_MS);
});

const CLI = fileURLToPath(new URL('../../../apps/cli/dist/main.js', import.meta.url));
const cli = (home: string, ...args: string[]) => spawnSync(process.execPath, [CLI, ...args], { env: { ...process.env, ORBITMESH_HOME: home }, encoding: 'utf8' });

function fill(path: string): void {
  writeFileSync(path, '');
  for (let size = 2 ** 20; size >= 1; size = Math.floor(size / 2)) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(size), { flag: 'a' });
    } catch {
      // Full for this size.
    }
  }
}
