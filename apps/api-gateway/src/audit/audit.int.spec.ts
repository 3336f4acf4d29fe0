import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SessionRpc, type AuditEntry } from '@orbitmesh/contracts';
import { AppError } from '@orbitmesh/domain';
import { eventually } from '@orbitmesh/testing';
import { AUDIT_REFUSED_PER_MINUTE } from '../limits.js';
import { Listener } from '../testing/listener.js';
import { TestGateway } from '../testing/test-gateway.js';
import { AuditLog } from './audit.log.js';

const AGENT = 'oma_sess_1_1_mac';
let gateway: TestGateway;
beforeEach(async () => {
  gateway = await TestGateway.start();
  gateway.service.agents.set(AGENT, { sessionId: 'sess_1', projectId: 'proj_1', taskIds: [] });
});
afterEach(() => gateway.stop());

const page = async (query = ''): Promise<{ items: AuditEntry[]; nextCursor: string | null }> =>
  (await gateway.send('GET', `/api/audit${query}`)).body as unknown as { items: AuditEntry[]; nextCursor: string | null };
/** What was done, without the look that shows it. */
const deeds = async (query = ''): Promise<AuditEntry[]> => (await page(query)).items.filter(({ action }) => action !== 'GET /api/audit');
const written = (count: number) => eventually(async () => (await deeds('?limit=200')).length === count, { what: `${count} entries` });

it('tells who did what, to what, from where, and nothing of what they said', async () => {
  await gateway.send('POST', '/api/sessions/sess_7/stop', { body: { reason: 'a secret' }, headers: { 'user-agent': 'curl/8', traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` } });
  await gateway.send('GET', '/api/sessions/sess_7');
  await written(1);

  expect(await deeds()).toEqual([{
    id: expect.stringMatching(/^aud_/), at: expect.any(String), actor: { kind: 'admin' }, action: 'POST /api/sessions/:id/stop', target: { id: 'sess_7' }, status: expect.any(Number),
    from: { address: '127.0.0.1', userAgent: 'curl/8' }, traceId: 'a'.repeat(32),
  }]);
});

it('tells of what was made, where it was made', async () => {
  const { id } = (await gateway.send('POST', '/api/tokens', { body: { name: 'CI' } })).body as unknown as { id: string };
  gateway.service.answers.set(SessionRpc.spawn.name, () => ({ status: 201, body: { id: 'sess_9' }, cursor: 'x.1' }));
  await gateway.send('POST', '/api/sessions/spawn', { body: { projectId: 'proj_1' } });
  await written(2);

  expect((await deeds()).map(({ action, target }) => [action, target])).toEqual([['POST /api/sessions/spawn', { created: 'sess_9' }], ['POST /api/tokens', { created: id }]]);
  expect((await deeds(`?on=${id}`)).map(({ action }) => action)).toEqual(['POST /api/tokens']);
});

it('tells of what was refused, and why: to strangers, agents and other pages', async () => {
  await gateway.send('GET', '/api/sessions', { token: null });
  await gateway.send('DELETE', '/api/sessions/sess_2', { token: AGENT });
  await gateway.send('GET', '/api/sessions', { headers: { origin: 'https://evil.example' } });
  await gateway.send('GET', '/nowhere', { token: null });
  await gateway.send('GET', '/api/%zz', { headers: { origin: 'https://evil.example' } });
  gateway.service.answers.set(SessionRpc.getSession.name, () => { throw new AppError('SESSION_NOT_FOUND'); });
  await gateway.send('GET', '/api/sessions/sess_2', { token: AGENT });
  await gateway.send('GET', '/api/sessions/sess_2');
  await gateway.send('GET', `/api/events?token=${gateway.token}`, { token: null });
  await written(7);

  expect((await deeds()).map(({ actor, action, code, from }) => [actor, action, code, from.origin])).toEqual([
    [{ kind: 'nobody' }, 'GET /api/events', 'VALIDATION_FAILED', undefined],
    [{ kind: 'agent', sessionId: 'sess_1' }, 'GET /api/sessions/:id', 'SESSION_NOT_FOUND', undefined],
    [{ kind: 'nobody' }, 'GET (no route)', 'ORIGIN_NOT_ALLOWED', 'https://evil.example'],
    [{ kind: 'nobody' }, 'GET (no route)', 'UNAUTHENTICATED', undefined],
    [{ kind: 'nobody' }, 'GET /api/sessions', 'ORIGIN_NOT_ALLOWED', 'https://evil.example'],
    [{ kind: 'agent', sessionId: 'sess_1' }, 'DELETE /api/sessions/:id', 'FORBIDDEN', undefined],
    [{ kind: 'nobody' }, 'GET /api/sessions', 'UNAUTHENTICATED', undefined],
  ]);
});

it('tells of secrets that were shown, and of sockets: who was refused one, and what was answered on it', async () => {
  await gateway.send('GET', '/api/webhooks/whk_1/secret');
  await expect(Listener.connect(gateway, 'omu_none')).rejects.toThrow();
  gateway.service.answers.set(SessionRpc.answerApproval.name, () => { throw new AppError('APPROVAL_ALREADY_ANSWERED'); });
  const listener = await Listener.connect(gateway);
  listener.say({ type: 'answer_approval', sessionId: 'sess_1', approvalId: 'appr_1', decision: 'allow' });
  await written(3);
  listener.ws.terminate();

  expect((await deeds()).map(({ action, target, code }) => [action, target, code])).toEqual([
    ['answer_approval /ws', { id: 'sess_1', approvalId: 'appr_1' }, 'APPROVAL_ALREADY_ANSWERED'],
    ['GET /ws', {}, 'UNAUTHENTICATED'],
    ['GET /api/webhooks/:id/secret', { id: 'whk_1' }, undefined],
  ]);
});

it('tells who it was whose token was known and who was refused all the same', async () => {
  const { id, token } = (await gateway.send('POST', '/api/tokens', { body: { name: 'CI', scopes: ['write'] } })).body as unknown as { id: string; token: string };
  await expect(Listener.connect(gateway, token)).rejects.toThrow();
  await written(2);

  const [refused] = await deeds();
  expect(refused).toMatchObject({ actor: { kind: 'user', tokenId: id }, action: 'GET /ws', code: 'FORBIDDEN', status: 403 });
});

it('is asked by who, on what, since when, and whether it was refused, page by page', async () => {
  for (const id of ['sess_1', 'sess_2', 'sess_3']) await gateway.send('POST', `/api/sessions/${id}/kill`);
  await gateway.send('POST', '/api/sessions/sess_3/kill', { token: AGENT });
  await written(4);

  expect((await deeds('?on=sess_3')).map(({ actor }) => actor.kind)).toEqual(['agent', 'admin']);
  expect((await deeds('?actor=sess_1')).map(({ target }) => target['id'])).toEqual(['sess_3']);
  expect((await deeds('?refused=true')).map(({ target }) => target['id'])).toEqual(['sess_3']);
  expect(await deeds(`?since=${new Date(Date.now() + 60_000).toISOString()}`)).toEqual([]);
  const first = await page('?on=sess_3&limit=1');
  const second = await page(`?on=sess_3&limit=1&cursor=${first.nextCursor}`);
  expect([...first.items, ...second.items].map(({ actor }) => actor.kind)).toEqual(['agent', 'admin']);
  expect(second.nextCursor).toBeNull();
  for (const query of ['?cursor=x', '?actor=a/b', '?since=yesterday', '?refused=1', '?more=1']) expect((await gateway.send('GET', `/api/audit${query}`)).status).toBe(400);
});

it('counts what would flood it, and no stranger pushes out what others did', async () => {
  await gateway.send('POST', '/api/sessions/sess_1/stop');
  for (let n = 0; n < AUDIT_REFUSED_PER_MINUTE + 30; n += 1) await gateway.send('GET', '/api/tasks', { token: 'wrong' });
  await written(1 + AUDIT_REFUSED_PER_MINUTE);
  const { home, nats } = gateway;
  await gateway.app.close();
  await gateway.service.stop();
  gateway = await TestGateway.start({ home, nats });

  const [newest] = await deeds();
  expect(newest).toMatchObject({ actor: { kind: 'nobody' }, code: 'UNAUTHENTICATED', more: 29 });
  await rm(home, { recursive: true, force: true });
  await nats.stop();
});

it('counts what a user is refused, as with a token that may only read, and writes what a user did', async () => {
  const audit = gateway.app.get(AuditLog);
  const deed = { actor: { kind: 'user', tokenId: 'tok_1' }, action: 'POST /api/tasks', target: {}, from: { address: '127.0.0.1' }, traceId: '' } as const;
  for (let n = 0; n < AUDIT_REFUSED_PER_MINUTE; n += 1) audit.record({ ...deed, status: n % 2 === 0 ? 403 : null });
  for (let n = 0; n < 30; n += 1) audit.record({ ...deed, status: 403 });
  audit.record({ ...deed, status: 201 });
  await written(AUDIT_REFUSED_PER_MINUTE + 1);

  expect((await deeds())[0]).toMatchObject({ status: 201 });
});

it('that cannot be written holds up nobody, and is written when it can be', async () => {
  const dir = join(gateway.home, 'api-gateway', 'audit');
  await mkdir(join(gateway.home, 'api-gateway'), { recursive: true });
  await writeFile(dir, 'in the way');
  expect((await gateway.send('POST', '/api/sessions/sess_1/stop')).status).toBeLessThan(300);
  await rm(dir);

  await written(1);
});

it('keeps what was damaged out of its answers', async () => {
  await gateway.send('POST', '/api/sessions/sess_1/stop');
  await written(1);
  await writeFile(join(gateway.home, 'api-gateway', 'audit', 'audit-000002.ndjson'), '{"id":1}\nnull\n{"cut');

  expect((await deeds()).map(({ target }) => target)).toEqual([{ id: 'sess_1' }]);
});
