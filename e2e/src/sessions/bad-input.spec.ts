import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Project, Task } from '@orbitmesh/domain';
import type { Answer, Api, RequestOptions } from '../support/api.js';
import { pageAll } from '../support/feed.js';
import { Scenario } from '../support/scenario.js';

interface Case { what: string; status: number; code: string; send: (api: Api) => Promise<Answer> }

describe('bad input', () => {
  let scenario: Scenario;
  let project: Project;
  let task: Task;
  let foreignTask: Task;
  let outside: string;
  let notADirectory: string;

  beforeAll(async () => {
    scenario = await Scenario.start();
    project = await scenario.project();
    task = await scenario.task(project.id);
    const other = await scenario.project({ name: 'Other', workingDir: await scenario.anotherRepository() });
    foreignTask = await scenario.task(other.id);
    // A directory that no project names.
    outside = await scenario.anotherRepository();
    notADirectory = join(scenario.repository, 'README.md');
  }, 90_000);
  afterAll(() => scenario.stop(), 30_000);

  const spawn = (body: object, options: RequestOptions = {}) => (api: Api) =>
    api.request('POST', '/api/sessions/spawn', { body: { projectId: project.id, initialDirective: 'Work', ...body }, ...options });

  const cases: Case[] = [
    { what: 'an unknown key', status: 400, code: 'VALIDATION_FAILED', send: (api) => spawn({ colour: 'red' })(api) },
    { what: 'a wrong type', status: 400, code: 'VALIDATION_FAILED', send: (api) => spawn({ taskIds: 'all' })(api) },
    { what: 'a body that is no object', status: 400, code: 'VALIDATION_FAILED', send: (api) => api.request('POST', '/api/sessions/spawn', { raw: '[]' }) },
    { what: 'a body that is no JSON', status: 400, code: 'VALIDATION_FAILED', send: (api) => api.request('POST', '/api/sessions/spawn', { raw: '{"projectId":' }) },
    { what: 'neither task nor directive', status: 400, code: 'VALIDATION_FAILED', send: (api) => spawn({ initialDirective: undefined })(api) },
    { what: 'a missing project', status: 404, code: 'PROJECT_NOT_FOUND', send: (api) => spawn({ projectId: 'proj_00000000000000000000000000' })(api) },
    { what: 'a missing task', status: 404, code: 'TASK_NOT_FOUND', send: (api) => spawn({ taskIds: ['task_00000000000000000000000000'] })(api) },
    { what: 'a task of another project', status: 404, code: 'TASK_NOT_FOUND', send: (api) => spawn({ taskIds: [foreignTask.id] })(api) },
    { what: 'an id with dots', status: 400, code: 'VALIDATION_FAILED', send: (api) => spawn({ projectId: '../../etc' })(api) },
    { what: 'an id with NUL', status: 400, code: 'VALIDATION_FAILED', send: (api) => spawn({ taskIds: ['task_\0'] })(api) },
    { what: 'an id of 65 characters', status: 400, code: 'VALIDATION_FAILED', send: (api) => spawn({ projectId: 'p'.repeat(65) })(api) },
    { what: 'an unknown provider', status: 404, code: 'PROVIDER_NOT_FOUND', send: (api) => spawn({ providerType: 'nobody' })(api) },
    { what: 'a directory that is missing', status: 422, code: 'WORKING_DIR_INVALID', send: (api) => spawn({ workingDir: join(scenario.repository, 'nowhere') })(api) },
    { what: 'a directory that is a file', status: 422, code: 'WORKING_DIR_INVALID', send: (api) => spawn({ workingDir: notADirectory })(api) },
    { what: 'a directory outside of the roots', status: 422, code: 'WORKING_DIR_INVALID', send: (api) => spawn({ workingDir: outside })(api) },
    { what: 'a directory inside the home', status: 422, code: 'WORKING_DIR_INVALID', send: (api) => spawn({ workingDir: join(scenario.stack.home, 'session-service') })(api) },
    { what: 'a secret by value', status: 400, code: 'SECRET_BY_VALUE', send: (api) => spawn({ environment: { GITHUB_TOKEN: 'abc' } })(api) },
    { what: 'text instead of JSON', status: 415, code: 'UNSUPPORTED_MEDIA_TYPE', send: (api) => spawn({}, { headers: { 'content-type': 'text/plain' } })(api) },
    { what: 'a body that is too large', status: 413, code: 'BODY_TOO_LARGE', send: (api) => spawn({ initialDirective: 'x'.repeat(300_000) })(api) },
    { what: 'a session that is missing', status: 404, code: 'SESSION_NOT_FOUND', send: (api) => api.request('POST', '/api/sessions/sess_0/stop', { body: {} }) },
    { what: 'a route that is missing', status: 404, code: 'NOT_FOUND', send: (api) => api.request('GET', '/api/nothing') },
    { what: 'a wrong token', status: 401, code: 'UNAUTHENTICATED', send: (api) => spawn({}, { headers: { authorization: 'Bearer wrong' } })(api) },
    { what: 'a stale If-Match', status: 412, code: 'REVISION_MISMATCH', send: (api) => api.request('PATCH', `/api/tasks/${task.id}`, { body: { title: 'x' }, headers: { 'if-match': '"99"' } }) },
    { what: 'a foreign Origin', status: 403, code: 'ORIGIN_NOT_ALLOWED', send: (api) => spawn({}, { headers: { origin: 'http://evil.example' } })(api) },
  ];

  it.each(cases)('$what is one problem with a code, and leaves no trace', async ({ status, code, send }) => {
    const before = await traces();
    const answer = await send(scenario.api);
    expect({ status: answer.status, code: answer.body.code }).toEqual({ status, code });
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer.body).toMatchObject({ detail: expect.any(String), traceId: expect.any(String) });
    expect(await traces()).toEqual(before);
  }, 30_000);

  /** Everything a refused request could have left. */
  async function traces(): Promise<unknown> {
    const { api, stack } = scenario;
    const sessions = await readdir(join(stack.home, 'session-service', 'sessions')).catch(() => []);
    const events = await pageAll((path) => api.get(path));
    return { events: events.length, sessions, listed: await api.get('/api/sessions'), task: await api.get(`/api/tasks/${task.id}`), runs: await readdir(join(stack.home, 'provider-runner', 'slot-0', 'runs')).catch(() => []) };
  }
});
