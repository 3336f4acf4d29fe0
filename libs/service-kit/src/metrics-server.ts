import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { METRICS_CONNECTIONS_MAX } from './limits.js';
import type { Metrics } from './metrics.js';
import { METRICS_CONTENT_TYPE, metricsText } from './metrics-text.js';

const LOOPBACK = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/i;

/**
 * `GET /metrics` of this one process, without a token: numbers and our own words, no id and no path. For whoever scrapes containers by
 * themselves; otherwise the gateway has them all (ADR-0036). On loopback no page can read it by another name of this machine.
 * @returns the port, and how to stop
 */
export async function serveMetrics(metrics: Metrics, { host, port }: { host: string; port: number }): Promise<{ port: number; close: () => void }> {
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const named = host !== '127.0.0.1' || LOOPBACK.test(request.headers.host ?? '');
    if (!named || request.headers.origin !== undefined) return void response.writeHead(403).end();
    if (request.method !== 'GET' || request.url !== '/metrics') return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': METRICS_CONTENT_TYPE, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }).end(metricsText([{ labels: {}, families: metrics.collect() }]));
  };
  const server = createServer({ requestTimeout: 5_000, headersTimeout: 5_000 }, answer);
  server.maxConnections = METRICS_CONNECTIONS_MAX;
  server.listen(port, host);
  await once(server, 'listening');
  server.unref();
  return { port: (server.address() as AddressInfo).port, close: () => { server.close(); server.closeAllConnections(); } };
}
