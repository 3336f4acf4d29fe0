import { connect, type Socket } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import { pingFrame, type HostileFrame } from './hostile-frames.js';
import type { HostileRequest } from './hostile-request.js';

/** An answer of ours is begun in milliseconds; on a machine with much else to do in seconds. */
const ANSWER_MS_MAX = 20_000;
const UPGRADE = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n';

/** What is wrong with what came of it; null when it was answered as any request is, with what is no fault of the server. */
export async function hostileProblem(port: number, { bytes, whole }: HostileRequest): Promise<string | null> {
  const said = await converse(port, bytes, (text) => /^HTTP\/1\.1 (?!100)\d{3}/m.test(text) || !whole, whole);
  if (said === null) return whole ? 'no answer' : null;
  const faults = said.match(/^HTTP\/1\.1 5\d\d/m);
  return faults ? `${faults[0]}: ${said.slice(0, 400)}` : null;
}

/** The same of frames on one socket: it was closed, or still says `pong`. */
export async function hostileFramesProblem(port: number, token: string, frames: readonly HostileFrame[]): Promise<string | null> {
  const whole = frames.every((one) => one.whole);
  const opening = `GET /ws HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${token}\r\n${UPGRADE}\r\n`;
  const said = await converse(port, Buffer.concat([Buffer.from(opening), ...frames.map(({ bytes }) => bytes), pingFrame()]), (text) => text.includes('{"type":"pong"}') || !whole, whole);
  if (said === null) return whole ? 'no pong' : null;
  const [head] = said.split('\r\n', 1);
  if (said !== '' && head !== 'HTTP/1.1 101 Switching Protocols') return `not opened: ${head}`;
  return said.includes('"INTERNAL"') ? `a fault: ${said.slice(-400)}` : null;
}

/** What was said until it is enough or the connection ended; null when there was nothing. Whoever does not say everything hangs up. */
async function converse(port: number, bytes: Buffer, enough: (text: string) => boolean, whole: boolean): Promise<string | null> {
  const socket = connect({ port, host: '127.0.0.1' });
  const late = new AbortController();
  try {
    return await Promise.race([heard(socket, bytes, enough, whole), after(ANSWER_MS_MAX, null, { signal: late.signal })]);
  } finally {
    late.abort();
    socket.destroy();
  }
}

function heard(socket: Socket, bytes: Buffer, enough: (text: string) => boolean, whole: boolean): Promise<string | null> {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (enough(text)) resolve(text);
    });
    socket.on('close', () => resolve(text === '' && whole ? null : text));
    // Cut off in the middle of what it sends: an answer, too. That nobody listens any more is none.
    socket.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNREFUSED' ? reject(new Error('nobody listens any more')) : resolve(text)));
    socket.on('connect', () => {
      if (whole) socket.write(bytes);
      else socket.end(bytes);
    });
  });
}
