import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SessionRpc } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { ScriptedRunner } from '../testing/scripted-runner.js';
import { TestService } from '../testing/test-service.js';
import { storeDirectory } from './store.provider.js';

/** What a document may become that is JSON still. */
const DAMAGES: Record<string, (session: Record<string, unknown>) => unknown> = {
  'an unknown state': (session) => ({ ...session, state: 'runninh' }),
  'no state': ({ state: _state, ...session }) => session,
  'no id': ({ id: _id, ...session }) => session,
  'the id of another': (session) => ({ ...session, id: 'sess_01AAAAAAAAAAAAAAAAAAAAAAAA' }),
  'no project': ({ projectId: _projectId, ...session }) => session,
  'a number for its tasks': (session) => ({ ...session, taskIds: 7 }),
  'nothing but a version': ({ schemaVersion }) => ({ schemaVersion }),
  'a list for everything': () => [],
  'a version of the future': (session) => ({ ...session, schemaVersion: 99 }),
};

describe('a home with a damaged document that the log no longer has', () => {
  let service: TestService;
  let projectId: string;
  let [damaged, whole] = ['', ''];
  beforeEach(async () => {
    service = await TestService.start();
    await new ScriptedRunner(service.bus, service.clock).join();
    projectId = (await service.project()).id;
    [damaged, whole] = [(await service.spawn({ projectId })).id, (await service.spawn({ projectId })).id];
    await eventually(() => [damaged, whole].every((id) => service.session(id).state === 'running'));
    await service.stop();
    await rm(join(storeDirectory(service.home), 'log'), { recursive: true });
  });
  afterEach(() => service.remove());

  it.each(Object.keys(DAMAGES))('(a running session with %s) goes on with all the others, and says so', async (what) => {
    const file = join(storeDirectory(service.home), `sessions/${damaged}/session.json`);
    await writeFile(file, JSON.stringify(DAMAGES[what](JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>)));
    const { home } = service;

    service = await TestService.start({ home });
    await new ScriptedRunner(service.bus, service.clock).join();
    const next = await service.spawn({ projectId });

    await eventually(() => { service.clock.advance(500); return service.session(next.id).state === 'running'; });
    const { items } = await service.call(SessionRpc.listSessions, {});
    expect(items.map(({ id }) => id).sort()).toEqual([whole, next.id].sort());
    expect(service.store.health()).toMatchObject({ writable: true, quarantined: [{ file: `sessions/${damaged}/session.json` }] });
  });
});
