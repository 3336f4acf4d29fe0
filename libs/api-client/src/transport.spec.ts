import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ApiClient } from './api-client.js';
import { ApiError, UnreachableError } from './errors.js';

type Reply = (response: ServerResponse, request: IncomingMessage) => void;
let server: Server;
let client: ApiClient;
let replies: Reply[];
let seen: { method: string; url: string; headers: IncomingMessage['headers']; body: string; at: number }[];

beforeEach(async () => {
  replies = [];
  seen = [];
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => { body += chunk.toString(); });
    request.on('end', () => {
      seen.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body, at: performance.now() });
      (replies.length > 1 ? replies.shift() : replies[0])?.(response, request);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  client = new ApiClient({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: 't' });
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const problem = (status: number, code: string, headers: Record<string, string> = {}): Reply => (response) => {
  response.writeHead(status, { 'content-type': 'application/problem+json', ...headers }).end(JSON.stringify({ code, detail: 'Because.', status, from: 'a' }));
};
const ok: Reply = (response) => response.writeHead(201, { 'content-type': 'application/json', 'x-orbitmesh-cursor': 'log.7' }).end('{"id":"proj_1"}');
const hangUp: Reply = (response) => response.socket?.destroy();
const cutShort: Reply = (response) => {
  response.writeHead(201, { 'content-type': 'application/json', 'content-length': '15' }).write('{"id":"pro', () => response.socket?.destroy());
};
const create = () => client.createProject({ name: 'p', workingDir: '/p' });

describe('a request', () => {
  it('carries token, body, revision and query', async () => {
    replies = [ok];
    await client.updateProject('a/b', { name: 'n' }, { ifMatch: 3, idempotencyKey: 'k' });
    await client.sessions({ projectId: 'p 1', limit: 2, cursor: undefined });

    expect(seen[0]).toMatchObject({ method: 'PATCH', url: '/api/projects/a%2Fb', body: '{"name":"n"}', headers: { authorization: 'Bearer t', 'if-match': '"3"', 'idempotency-key': 'k', 'content-type': 'application/json' } });
    expect(seen[1]).toMatchObject({ method: 'GET', url: '/api/sessions?projectId=p+1&limit=2' });
    expect(seen[1].headers['idempotency-key']).toBeUndefined();
  });

  it('gives the whole answer to a mutation', async () => {
    replies = [ok];

    expect(await create()).toEqual({ status: 201, body: { id: 'proj_1' }, cursor: 'log.7' });
  });

  it('is tried again, with the same key, when the gateway dies in the middle of its answer', async () => {
    replies = [cutShort, ok];

    expect(await create()).toMatchObject({ status: 201, body: { id: 'proj_1' } });
    expect(new Set(seen.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
    expect(seen).toHaveLength(2);
  });

  it('that is never answered to the end says that nobody answers', async () => {
    replies = [cutShort];

    await expect(create()).rejects.toBeInstanceOf(UnreachableError);
    expect(seen).toHaveLength(3);
  });

  it.each([429, 502, 503, 504])('is tried again after %i, with the same key', async (status) => {
    replies = [problem(status, 'X'), problem(status, 'X'), ok];

    expect((await create()).status).toBe(201);
    expect(seen).toHaveLength(3);
    expect(new Set(seen.map((one) => one.headers['idempotency-key'])).size).toBe(1);
    expect(seen[2].at - seen[1].at).toBeGreaterThanOrEqual(190);
  });

  it('is tried again after a broken connection, with the same key', async () => {
    replies = [hangUp, hangUp, ok];

    expect((await create()).status).toBe(201);
    expect(new Set(seen.map((one) => one.headers['idempotency-key'])).size).toBe(1);
  });

  it.each([400, 401, 403, 404, 409, 410, 412, 413, 422, 500, 507])('is not tried again after %i', async (status) => {
    replies = [problem(status, 'X')];

    await expect(create()).rejects.toMatchObject({ status, code: 'X', message: 'Because.', problem: { from: 'a' } });
    expect(seen).toHaveLength(1);
  });

  it('fails with the last answer after three attempts', async () => {
    replies = [problem(503, 'UNAVAILABLE')];

    await expect(create()).rejects.toBeInstanceOf(ApiError);
    expect(seen).toHaveLength(3);
  });

  it('is unreachable after three broken connections', async () => {
    replies = [hangUp];

    await expect(create()).rejects.toBeInstanceOf(UnreachableError);
    expect(seen).toHaveLength(3);
  });

  it('waits as long as Retry-After says', async () => {
    replies = [problem(503, 'X', { 'retry-after': '1' }), ok];
    await create();

    expect(seen[1].at - seen[0].at).toBeGreaterThanOrEqual(990);
  });

  it('does not wait for a Retry-After that is too long', async () => {
    replies = [problem(503, 'X', { 'retry-after': '3600' })];

    await expect(create()).rejects.toMatchObject({ status: 503 });
    expect(seen).toHaveLength(1);
  });

  it('ends at once when it is aborted', async () => {
    replies = [() => undefined];
    const abort = new AbortController();
    const sent = client.createProject({ name: 'p', workingDir: '/p' }, { signal: abort.signal });
    server.once('request', () => abort.abort(new Error('enough')));

    await expect(sent).rejects.toThrow('enough');
  });

  it('makes sense of an answer that is no problem', async () => {
    replies = [(response) => response.writeHead(418).end('<html>')];

    await expect(create()).rejects.toMatchObject({ status: 418, code: 'HTTP_418' });
  });
});
