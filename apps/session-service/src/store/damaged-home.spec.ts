import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
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

describe('a manifest, and what it was made of, that can be read and is another', () => {
  let service: TestService;
  let [id, other] = ['', ''];
  beforeEach(async () => {
    service = await TestService.start();
    await new ScriptedRunner(service.bus, service.clock).join();
    const projectId = (await service.project()).id;
    [id, other] = [(await service.spawn({ projectId })).id, (await service.spawn({ projectId })).id];
    await service.stop();
  });
  afterEach(() => service.remove());

  const file = (of: string, name: string) => join(storeDirectory(service.home), `sessions/${of}/${name}`);
  /** By a disk that goes bad, after a start, which leaves it closed: before, it would have looked into it. */
  const replaced = async (name: string, content: string): Promise<void> => {
    service = await TestService.start({ home: service.home });
    await service.store.checked();
    await writeFile(file(id, name), content);
  };
  const edited = async (name: string, change: object) => JSON.stringify({ ...JSON.parse(await readFile(file(id, name), 'utf8')) as object, ...change });

  it.each<[string, string, () => Promise<string> | string, string]>([
    ['a manifest of nothing', 'manifest.json', () => '{"x":1}', 'its manifestVersion is not what it has to be'],
    ["another session's manifest", 'manifest.json', () => readFile(file(other, 'manifest.json'), 'utf8'), 'its sessionId is not what it has to be'],
    ['a manifest with another prompt', 'manifest.json', () => edited('manifest.json', { prompt: 'rm -rf' }), 'is not what its session was started with'],
    ['an input of nothing', 'manifest-input.json', () => '{"schemaVersion":1,"x":2}', 'its sessionId is not what it has to be'],
    ["another session's input", 'manifest-input.json', () => readFile(file(other, 'manifest-input.json'), 'utf8'), 'its sessionId is not what it has to be'],
    ['an input of other words', 'manifest-input.json', () => edited('manifest-input.json', { initialDirective: 'rm -rf' }), 'is not what its session was started with'],
    ['an input that no manifest can be made of', 'manifest-input.json', () => edited('manifest-input.json', { tasks: [1], mcpServers: [null] }), 'is not what its session was started with'],
  ])('(%s) is not served, and told as a damage with what a user can do', async (_what, name, content, reason) => {
    await replaced(name, await content());

    const asked = name === 'manifest.json' ? service.call(SessionRpc.getManifest, { id }) : service.call(SessionRpc.getManifestInput, { id });
    await expect(asked).rejects.toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining('orbitmesh doctor') });
    expect(service.store.health().quarantined).toMatchObject([{ file: `sessions/${id}/${name}`, reason }]);
    await expect(service.call(SessionRpc.getManifest, { id: other })).resolves.toMatchObject({ sessionId: other });
    await expect(service.call(SessionRpc.getManifestInput, { id: other })).resolves.toMatchObject({ sessionId: other });
  });
});

describe('a home whose store is gone', () => {
  it('is told, and nothing empty is served in its place, until somebody has said so', async () => {
    const service = await TestService.start();
    const { home } = service;
    await service.project();
    await service.stop();
    const dir = storeDirectory(home);
    await rename(dir, `${dir}-away`);

    const failed = TestService.start({ home });
    await expect(failed).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringMatching(/session-service is gone, or empty: .* restore a backup\. Or begin anew.*rm .*\/session-service\.store\.json$/) });
    expect(await stat(dir).catch(() => null)).toBeNull();
    await rename(`${dir}-away`, dir);
    const again = await TestService.start({ home });
    expect((await again.call(SessionRpc.listProjects, {})).items).toHaveLength(1);
    await again.stop();

    await rm(dir, { recursive: true });
    await rm(join(home, 'session-service.store.json'));
    const anew = await TestService.start({ home });
    expect((await anew.call(SessionRpc.listProjects, {})).items).toEqual([]);
    await anew.remove();
  });
});
