import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ApiClient } from './api-client.js';
import { OPERATIONS, type OperationId } from './generated/operations.js';

describe('the client of the OpenAPI document', () => {
  let server: Server;
  let client: ApiClient;
  let seen: string[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      seen.push(`${request.method} ${request.url}`);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    client = new ApiClient({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: 't' });
  });
  beforeEach(() => { seen = []; });
  afterAll(() => void server.close());

  it('calls every operation of it where it is, its parameters in their places', async () => {
    const params: Record<string, string> = { id: 'a b', sessionId: 'sess_1', projectId: 'proj_1', approvalId: 'appr_1', threadId: 'mail_1', deliveryId: 'dlv_1', entityType: 'task' };
    const ids = Object.keys(OPERATIONS) as OperationId[];
    for (const id of ids) await client.call(id, { params } as never);

    expect(seen).toEqual(ids.map((id) => {
      const { method, path } = OPERATIONS[id];
      return `${method} ${path.replace(/\{(\w+)\}/g, (_whole, name: string) => encodeURIComponent(params[name]))}`;
    }));
    expect(seen.filter((one) => one.includes('undefined'))).toEqual([]);
  });

  it('puts a query after the path, a list as one value', async () => {
    await client.read('notifications.list', { query: { unread: true, types: ['notify:progress', 'notify:needs_input'], limit: undefined } });
    expect(seen).toEqual(['GET /api/notifications?unread=true&types=notify%3Aprogress%2Cnotify%3Aneeds_input']);
  });

  it('refuses a call without a parameter of its path, which would lead elsewhere', () => {
    expect(() => client.call('sessions.get', {} as never)).toThrow(/needs id/);
    expect(seen).toEqual([]);
  });

  it('does not compile with what an operation does not take', () => {
    // @ts-expect-error -- no such operation
    const calls = [() => client.call('sessions.fly', { params: { id: 'sess_1' } }),
      // @ts-expect-error -- a project needs a directory
      () => client.call('projects.create', { body: { name: 'One' } }),
      // @ts-expect-error -- no such status
      () => client.read('tasks.list', { query: { status: 'nearly' } }),
      // @ts-expect-error -- its id is not optional
      () => client.read('tasks.get')];
    expect(calls).toHaveLength(4);
  });
});
