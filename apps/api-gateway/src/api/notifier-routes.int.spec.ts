import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { NotifierRpc } from '@orbitmesh/contracts';
import { TestGateway, type Send } from '../testing/test-gateway.js';

let gateway: TestGateway;
beforeAll(async () => { gateway = await TestGateway.start(); });
afterAll(() => gateway.stop());
beforeEach(() => { gateway.service.asked.length = 0; });

const ULID = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
const webhook = { url: 'https://example.org/hook' };
const routes = [
  ['GET', '/api/notifications?types=notify:progress,notify:needs_input&unread=false', undefined, 200, NotifierRpc.list, { types: ['notify:progress', 'notify:needs_input'], unread: false }],
  ['POST', '/api/notifications/read', { upTo: 'ntf_1', projectId: 'p' }, 200, NotifierRpc.readMany, { body: { upTo: 'ntf_1', projectId: 'p' } }],
  ['POST', '/api/notifications/read', undefined, 200, NotifierRpc.readMany, { body: {} }],
  ['POST', '/api/notifications/ntf_1/unread', undefined, 200, NotifierRpc.markUnread, { id: 'ntf_1' }],
  ['POST', '/api/webhooks', webhook, 201, NotifierRpc.createWebhook, { body: webhook }],
  ['GET', `/api/webhooks?projectId=p&limit=2&cursor=whk_${ULID}`, undefined, 200, NotifierRpc.listWebhooks, { projectId: 'p', limit: 2, cursor: `whk_${ULID}` }],
  ['GET', '/api/webhooks/whk_1', undefined, 200, NotifierRpc.getWebhook, { id: 'whk_1' }],
  ['PATCH', '/api/webhooks/whk_1', { projectId: null, active: false }, 200, NotifierRpc.updateWebhook, { id: 'whk_1', body: { projectId: null, active: false } }],
  ['DELETE', '/api/webhooks/whk_1', undefined, 204, NotifierRpc.deleteWebhook, { id: 'whk_1' }],
  ['GET', '/api/webhooks/whk_1/secret', undefined, 200, NotifierRpc.webhookSecret, { id: 'whk_1' }],
  ['POST', '/api/webhooks/whk_1/rotate-secret', undefined, 200, NotifierRpc.rotateWebhookSecret, { id: 'whk_1' }],
  ['POST', '/api/webhooks/whk_1/test', undefined, 202, NotifierRpc.testWebhook, { id: 'whk_1' }],
  ['GET', `/api/webhooks/whk_1/deliveries?state=parked&cursor=dlv_${ULID}`, undefined, 200, NotifierRpc.listDeliveries, { id: 'whk_1', state: 'parked', cursor: `dlv_${ULID}` }],
  ['GET', '/api/webhooks/whk_1/deliveries/dlv_1', undefined, 200, NotifierRpc.getDelivery, { id: 'whk_1', deliveryId: 'dlv_1' }],
  ['POST', '/api/webhooks/whk_1/deliveries/dlv_1/retry', undefined, 202, NotifierRpc.retryDelivery, { id: 'whk_1', deliveryId: 'dlv_1' }],
] as const;

describe('notifications and webhooks', () => {
  it.each(routes)('%s %s', async (method, path, body, status, rpc, req) => {
    const answer = await gateway.send(method, path, { body });

    expect(answer.status).toBe(status);
    const asked = gateway.service.requestsOf(rpc).at(-1)?.req;
    expect(asked).toEqual(method === 'GET' ? req : { ...req, meta: { actor: { kind: 'admin' }, traceId: expect.any(String) } });
    if (method !== 'GET') expect(answer.headers['x-orbitmesh-cursor']).toBe(gateway.service.head);
  });

  it.each(routes.map(([method, path, body]) => [method, path, body] as const))('are closed to agents: %s %s', async (method, path, body) => {
    gateway.service.agents.set('oma_agent', { sessionId: 'sess_1', projectId: 'p', taskIds: [] });

    const answer = await gateway.send(method, path, { body, token: 'oma_agent' });

    expect([answer.status, answer.body['code']]).toEqual([403, 'FORBIDDEN']);
    expect(gateway.service.asked.filter(({ name }) => name.startsWith('inbox.') || name.startsWith('webhook.'))).toEqual([]);
  });

  it('say where a new webhook is, and carry key and revision to their owner', async () => {
    const answer = await gateway.send('POST', '/api/webhooks', { body: webhook, headers: { 'idempotency-key': 'k' } });
    expect(answer.headers).toMatchObject({ location: '/api/webhooks/whk_1', etag: '"1"' });
    expect(gateway.service.asked.at(-1)?.req['meta']).toMatchObject({ idempotency: { scope: 'admin POST /api/webhooks', key: 'k' } });

    await gateway.send('PATCH', '/api/webhooks/whk_1', { body: { name: 'n' }, headers: { 'if-match': '"7"' } });
    expect(gateway.service.asked.at(-1)?.req['meta']).toMatchObject({ ifMatch: 7 });
  });

  it('give a webhook anew each time: what came of its deliveries is no new revision', async () => {
    const answer = await gateway.send('GET', '/api/webhooks/whk_1', { headers: { 'if-none-match': '"7"' } });

    expect(answer).toMatchObject({ status: 200, headers: { etag: '"7"' }, body: { id: 'whk_1' } });
  });

  it('let nobody on the way keep the secret', async () => {
    expect(await gateway.send('GET', '/api/webhooks/whk_1/secret')).toMatchObject({ headers: { 'cache-control': 'no-store' }, body: { secret: 'whsec_c2VjcmV0' } });
  });

  it.each<[string, string, string, Send, string]>([
    ['a URL with a password', 'POST', '/api/webhooks', { body: { url: 'https://u:hunter2@example.org' } }, '/url'],
    ['a URL that is none', 'PATCH', '/api/webhooks/whk_1', { body: { url: 'ftp://example.org' } }, '/url'],
    ['an unknown key', 'POST', '/api/webhooks', { body: { ...webhook, secret: 'x' } }, '/secret'],
    ['a type that is none', 'POST', '/api/webhooks', { body: { ...webhook, types: ['notify:*', 'notify:all'] } }, '/types/1'],
    ['a type that is none in a query', 'GET', '/api/notifications?types=notify:all', {}, '/types/0'],
    ['a cursor of another list', 'GET', `/api/webhooks?cursor=dlv_${ULID}`, {}, '/cursor'],
    ['a delivery that is no id', 'POST', '/api/webhooks/whk_1/deliveries/a.b/retry', {}, '/deliveryId'],
    ['a body of null', 'POST', '/api/notifications/read', { raw: 'null', headers: { 'content-type': 'application/json' } }, ''],
  ])('refuse %s', async (_name, method, path, send, pointer) => {
    const answer = await gateway.send(method, path, send);

    expect(answer).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED', errors: [expect.objectContaining({ pointer })] } });
    expect(answer.text).not.toContain('hunter2');
    expect(gateway.service.asked.filter(({ name }) => name.startsWith('inbox.') || name.startsWith('webhook.'))).toEqual([]);
  });
});
