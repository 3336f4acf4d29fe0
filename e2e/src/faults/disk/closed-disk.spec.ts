import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Task } from '@orbitmesh/domain';
import { eventually, LONG, processesNaming } from '@orbitmesh/testing';
import { Scenario } from '../../support/scenario.js';
import { FAULT_TEST_MS } from '../how-often.js';

const run = (command: string, ...args: string[]): string | null => {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : null;
};

/** An ext4 in a file, which the kernel closes for writing at its first error, as it does with the disk of a machine. */
class Ext4 {
  private readonly dir = mkdtempSync(join(tmpdir(), 'om-ext4-'));
  readonly home = join(this.dir, 'home');
  private readonly image = join(this.dir, 'image');

  make(): boolean {
    mkdirSync(this.home);
    return process.platform === 'linux' && run('truncate', '-s', '128M', this.image) !== null && run('mkfs.ext4', '-q', this.image) !== null && this.mount();
  }

  private mount(): boolean {
    return run('mount', '-o', 'loop,errors=remount-ro', this.image, this.home) !== null;
  }

  fail(): void {
    const device = run('findmnt', '-no', 'SOURCE', this.home)!;
    writeFileSync(`/sys/fs/ext4/${basename(device)}/trigger_fs_error`, '1');
  }

  /** What an administrator does. */
  repair(): void {
    run('umount', this.home);
    run('e2fsck', '-fy', this.image);
    if (!this.mount()) throw new Error('It cannot be mounted again.');
  }

  remove(): void {
    run('umount', '-l', this.home);
    rmSync(this.dir, { recursive: true });
  }
}

const THERE = LONG && ((): boolean => {
  const disk = new Ext4();
  const made = disk.make();
  disk.remove();
  if (!made) process.stderr.write('No ext4 can be mounted here (root, mkfs.ext4 and a loop device are needed): not tested.\n');
  return made;
})();

(THERE ? describe : describe.skip)('a home whose file system was closed for writing by an error', () => {
  let disk: Ext4;
  let scenario: Scenario;

  beforeEach(async () => {
    disk = new Ext4();
    disk.make();
    scenario = await Scenario.start({ home: disk.home });
  }, 90_000);
  afterEach(async () => {
    await scenario.stop();
    disk.remove();
  }, 60_000);

  it('refuses writes, reads on and says so, is stopped in order with its agents, and has all of it once it is repaired', async () => {
    const { api } = scenario;
    const project = await scenario.project();
    const { id } = await scenario.spawn(project.id, { custom: { demo: { numbered: 10_000, delayMs: 100 } } });
    const { run: { runId } = {} } = await scenario.running(id) as { run?: { runId?: string } };
    const task = await scenario.task(project.id, { title: 'acknowledged' });
    disk.fail();

    const refused = await eventually(async () => {
      const answer = await api.request('POST', '/api/tasks', { body: { projectId: project.id, title: 'x' } });
      return answer.status !== 201 && answer;
    }, { what: 'a refusal' });
    expect(refused).toMatchObject({ status: 503, body: { code: 'STORAGE_WRITE' } });
    for (const path of ['/api/events', `/api/tasks/${task.id}`, `/api/sessions/${id}/events`]) expect(await api.request('GET', path)).toMatchObject({ status: 200 });
    await eventually(async () => {
      expect(await api.request('GET', '/health/ready')).toMatchObject({ status: 503, body: { problems: { sessionService: expect.stringContaining('takes no writes') } } });
      return true;
    }, { what: 'the words of session-service' });

    // How the agent ended could not be written down, so it does not say that all is well.
    expect(await scenario.stack.interrupt()).toMatchObject({ code: 1 });
    expect(scenario.stack.output).toMatch(/which could not be written down for 1[^]*Stopped\.\n$/);
    expect(scenario.stack.output).not.toMatch(/^ +at /m);
    expect(await processesNaming(runId!)).toEqual([]);
    disk.repair();
    await scenario.restart();
    expect(await scenario.api.get<Task>(`/api/tasks/${task.id}`)).toMatchObject({ title: 'acknowledged' });
    expect(await scenario.ended(id)).toMatchObject({ outcome: { code: expect.any(String) } });
    await scenario.task(project.id);
  }, FAULT_TEST_MS);
});
