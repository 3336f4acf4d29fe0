import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { TestGateway } from './test-gateway.js';

/** What an upgrade comes to that says who comes by these alone: `open` and the subprotocol, or the status and code that refused it. */
export function upgradeOf(gateway: TestGateway, path: string, headers: Record<string, string> = {}, protocols: string[] = []): Promise<string> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(`ws://127.0.0.1:${gateway.port}${path}`, protocols, { headers });
    ws.on('open', () => {
      resolve(`open ${ws.protocol}`.trim());
      ws.close();
    });
    ws.on('unexpected-response', (_request, response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => { text += chunk.toString(); });
      response.on('end', () => resolve(`${response.statusCode} ${(JSON.parse(text) as { code: string }).code}`));
    });
    ws.on('error', reject);
  });
}

/** A socket that stays, opened by a ticket; resolves with its close code when it ends. */
export async function socketBy(gateway: TestGateway, ticket: string): Promise<{ closed: Promise<number> }> {
  const ws = new WebSocket(`ws://127.0.0.1:${gateway.port}/ws?ticket=${ticket}`);
  await once(ws, 'open');
  return { closed: once(ws, 'close').then(([code]) => code as number) };
}
