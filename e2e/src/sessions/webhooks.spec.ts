import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Notification, Page, Webhook, WebhookPayload } from '@orbitmesh/contracts';
import type { Project } from '@orbitmesh/domain';
import { eventually } from '@orbitmesh/testing';
import { Scenario } from '../support/scenario.js';

interface Received { headers: IncomingHttpHeaders; body: string; payload: WebhookPayload }

describe('webhooks', () => {
  let scenario: Scenario;
  let project: Project;
  let server: Server;
  let url: string;
  /** A path that begins with /hang is never answered. */
  const received: Received[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        if (request.url?.startsWith('/hang')) return;
        const body = Buffer.concat(chunks).toString();
        received.push({ headers: request.headers, body, payload: JSON.parse(body) as WebhookPayload });
        response.writeHead(204).end();
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    scenario = await Scenario.start();
    project = await scenario.project();
  }, 90_000);
  afterAll(async () => {
    await scenario.stop();
    server.closeAllConnections();
    server.close();
  }, 30_000);

  const of = (sessionId: string): Received[] => received.filter(({ payload }) => payload.data.sessionId === sessionId);

  it('tell people what the inbox tells them, signed, whatever another endpoint does', async () => {
    await scenario.api.post('/api/webhooks', { url: `${url}/hang` });
    const webhook = await scenario.api.post<Webhook>('/api/webhooks', { url, projectId: project.id });
    const { secret } = await scenario.api.get<{ secret: string }>(`/api/webhooks/${webhook.id}/secret`);

    const { id } = await scenario.spawn(project.id);
    await scenario.ended(id);

    await eventually(() => of(id).some(({ payload }) => payload.type === 'notify:session_completed'), { what: 'the end at the endpoint' });
    const { items } = await scenario.api.get<Page<Notification>>(`/api/notifications?sessionId=${id}&limit=200`);
    expect(of(id).map(({ payload }) => [payload.data.notificationId, payload.type, payload.data.title])).toEqual(items.map((entry) => [entry.id, entry.type, entry.data.title]));
    for (const { headers, body, payload } of of(id)) {
      const signed = createHmac('sha256', Buffer.from(secret.slice('whsec_'.length), 'base64')).update(`${payload.id}.${headers['webhook-timestamp'] as string}.${body}`).digest('base64');
      expect(headers).toMatchObject({ 'webhook-id': payload.id, 'webhook-signature': `v1,${signed}` });
    }
    expect(await scenario.api.get(`/api/webhooks/${webhook.id}`)).toMatchObject({ revision: 1, lastDelivery: { state: 'delivered', status: 204 } });
    expect(await scenario.api.post('/api/notifications/read', { sessionId: id })).toEqual({ read: items.length });
  }, 90_000);

  it('tell it all though the notifier is killed on the way', async () => {
    const { id } = await scenario.spawn(project.id);
    await scenario.running(id);
    await scenario.stack.killAndWait('notifier');
    await scenario.ended(id);
    await scenario.stack.killAndWait('notifier');

    await eventually(() => of(id).some(({ payload }) => payload.type === 'notify:session_completed'), { what: 'the end at the endpoint', timeoutMs: 60_000 });
    const { items } = await eventually(() => scenario.api.get<Page<Notification>>(`/api/notifications?sessionId=${id}&limit=200`), { timeoutMs: 30_000 });
    expect([...new Set(of(id).map(({ payload }) => payload.data.notificationId))]).toEqual(items.map((entry) => entry.id));
  }, 120_000);
});
