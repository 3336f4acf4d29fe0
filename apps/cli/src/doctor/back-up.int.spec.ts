import { cp, mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiClient, Feed } from '@orbitmesh/api-client';
import type { EventEnvelope, Project, SessionView, Task } from '@orbitmesh/domain';
import { eventually, LONG, startStack, type TestStack } from '@orbitmesh/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { cliIn } from '../testing/test-home.js';
import type { BackupResult } from './back-up.js';
import type { DoctorResult } from './doctor.js';

/** Backups of a home at work, each restored and started. */
const ROUNDS = LONG ? 3 : 1;

let dir: string;
let stacks: TestStack[];
beforeEach(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), 'om-backup-')));
  stacks = [];
});
afterEach(async () => {
  for (const stack of stacks) await stack.stop();
  await rm(dir, { recursive: true, force: true, maxRetries: 3 });
}, 60_000);

async function start(home: string): Promise<{ stack: TestStack; client: ApiClient }> {
  const stack = await startStack({ home });
  stacks.push(stack);
  return { stack, client: new ApiClient({ url: stack.url, token: stack.token }) };
}

/** Nothing was put aside and nothing is wrong. */
async function doctor(home: string): Promise<string[]> {
  const { out, err } = await cliIn(home, ['doctor', '--json']);
  return out === '' ? [err] : (JSON.parse(out) as DoctorResult).findings.map(({ file, text }) => `${file ?? ''} ${text}`);
}

async function eventsAfter(client: ApiClient, after?: string): Promise<EventEnvelope[]> {
  const found: EventEnvelope[] = [];
  for (let page = await client.events({ after, limit: 200 }); page.items.length > 0; page = await client.events({ after: page.nextCursor, limit: 200 })) found.push(...page.items);
  return found;
}

/** What a client of the live feed is told when it goes on from there. */
async function resume(stack: TestStack, after: string): Promise<string> {
  for await (const item of new Feed({ url: stack.url, token: stack.token }, { after })) if (item.type === 'subscribed') return item.resume;
  throw new Error('the feed ended');
}

/** Beside the home: nobody works above it. */
async function workingDir(): Promise<string> {
  const path = join(dir, 'work');
  await mkdir(path, { recursive: true });
  return path;
}

describe('a backup of a home at work', () => {
  it('restored, has everything that was acknowledged before it; clients that have seen more are told, and the others go on', async () => {
    const home = join(dir, 'home');
    for (let round = 1; round <= ROUNDS; round += 1) {
      const { stack, client } = await start(home);
      const { body: project } = await client.createProject({ name: `Round ${round}`, workingDir: await workingDir() });
      const acknowledged: Task[] = [];
      let writing = true;
      const writer = (async () => {
        while (writing) acknowledged.push((await client.createTask({ projectId: project.id, title: `Task ${acknowledged.length}` })).body);
      })();
      // Told by `await writer`, unless something else has failed before.
      writer.catch(() => undefined);
      const { body: session } = await client.spawn({ projectId: project.id, initialDirective: 'Count', permissionMode: 'allow', custom: { demo: { numbered: 2_000, delayMs: 50 } } });
      await eventually(async () => (await client.session(session.id)).state === 'running' && acknowledged.length > 20, { what: 'work to back up' });
      const [before, head] = [[...acknowledged], await cursorOf(client)];

      const backup = join(dir, `backup-${round}`);
      const { code, out, err } = await cliIn(home, ['backup', backup, '--json']);
      expect({ code, err }).toEqual({ code: 0, err: '' });
      const { cursor } = JSON.parse(out) as BackupResult;
      const saved = acknowledged.length;
      await eventually(() => acknowledged.length > saved + 20, { what: 'writes after the backup' });
      writing = false;
      await writer;
      const lost = await cursorOf(client);
      const ahead = (await eventsAfter(client)).at(-1)!;
      await stack.stop();
      stacks = [];

      // As docs/how-to/back-up-and-restore.md says.
      await rm(home, { recursive: true });
      await cp(backup, home, { recursive: true, preserveTimestamps: true });
      expect((await doctor(home)).filter((text) => !/is a copy|kept for a session/.test(text))).toEqual([]);
      const again = await start(home);

      const ids = new Set(await tasksOf(again.client, project.id));
      expect(before.filter(({ id }) => !ids.has(id))).toEqual([]);
      for (const after of [lost, ahead.cursor]) {
        await expect(again.client.events({ after })).rejects.toMatchObject({ status: 410, code: 'CURSOR_GONE' });
        expect(await resume(again.stack, after)).toBe('gap');
      }
      expect(await resume(again.stack, head)).toBe('ok');
      expect((await eventsAfter(again.client, head))[0].seq).toBe(seqOf(head) + 1);

      // Later numbers come to where the old cursors were, and past them: they stay gone.
      await eventually(async () => {
        const { cursor: now } = await again.client.createTask({ projectId: project.id, title: 'After' });
        return seqOf(now!) > seqOf(lost) + 5;
      }, { what: 'numbers as high as before', timeoutMs: 60_000 });
      await expect(again.client.events({ after: lost })).rejects.toMatchObject({ status: 410 });
      expect(await resume(again.stack, ahead.cursor)).toBe('gap');
      const all = await eventsAfter(again.client);
      expect(all.map(({ seq }) => seq)).toEqual(all.map((_, index) => index + 1));
      // The session may end meanwhile.
      expect((await eventsAfter(again.client, cursor!)).slice(0, all.length - seqOf(cursor!))).toEqual(all.slice(seqOf(cursor!)));

      // Its agent is not in a backup: the session says so, and that once.
      const ended = await eventually(async () => {
        const found: SessionView = await again.client.session(session.id);
        return found.outcome && found;
      }, { what: 'the end of a session whose agent is gone', timeoutMs: 60_000 });
      expect(ended.outcome!.code).toMatch(/^(agent_crash|agent_exit|runner_lost|start_failed)$/);
      await again.stack.stop();
      stacks = [];
      expect(await doctor(home)).toEqual([]);
    }
  }, 120_000 * ROUNDS);
});

const seqOf = (cursor: string): number => Number(cursor.slice(cursor.lastIndexOf('.') + 1));

async function cursorOf(client: ApiClient): Promise<string> {
  return (await eventsAfter(client)).at(-1)!.cursor;
}

async function tasksOf(client: ApiClient, projectId: Project['id']): Promise<string[]> {
  const ids: string[] = [];
  for (let page = await client.tasks({ projectId, limit: 200 }); ; page = await client.tasks({ projectId, limit: 200, cursor: page.nextCursor! })) {
    ids.push(...page.items.map(({ id }) => id));
    if (page.nextCursor === null) return ids;
  }
}
