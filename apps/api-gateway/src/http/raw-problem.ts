import { STATUS_CODES, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { AppError } from '@orbitmesh/domain';
import { REFUSED_LINGER_MS } from '../limits.js';
import type { Door } from './door.js';
import { problemOf, toAppError, type Problem } from './problem.js';
import { traceIdOf } from './request-context.js';

/** What is no HTTP gets an answer all the same, and then no more. */
export function refuseRaw(socket: Socket, status: number): void {
  writeProblem(socket, problemOfStatus(status, traceIdOf({ headers: {} })));
}

/** What Node answers itself, or not at all, unless somebody listens. */
export function refuseUnheard(server: Server, door: Door): void {
  server.on('checkExpectation', (request, response) => {
    const { status, headers, body } = expectationRefusal(request, door);
    // Its body may follow or not: only a new connection is sure to begin with a request.
    response.writeHead(status, { ...headers, connection: 'close' }).end(JSON.stringify(body));
  });
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    socket.on('error', () => socket.destroy());
    try {
      door.check(request, socket.localPort ?? 0);
      throw new AppError('NOT_FOUND', 'This is no proxy.');
    } catch (error) {
      refuseUpgrade(socket, error, traceIdOf(request));
    }
  });
}

/** The door comes first here as well. */
function expectationRefusal(request: IncomingMessage, door: Door): Problem {
  const traceId = traceIdOf(request);
  try {
    door.check(request, request.socket.localPort ?? 0);
    return problemOfStatus(417, traceId);
  } catch (error) {
    return problemOf(toAppError(error), traceId);
  }
}

function problemOfStatus(status: number, traceId: string): Problem {
  const problem = problemOf(toAppError({ statusCode: status }), traceId);
  return { ...problem, status, body: { ...problem.body, status } };
}

/** A whole answer on a bare socket, which is then closed: for upgrades, and for what Node could not parse. */
function writeProblem(socket: Socket, { status, headers, body }: Problem): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const text = JSON.stringify(body);
  const lines = Object.entries({ ...headers, 'content-length': Buffer.byteLength(text), connection: 'close' }).map(([name, value]) => `${name}: ${value}\r\n`);
  // Unread bytes at the end would make it a reset, which can overtake the answer; a caller that never ends is cut off.
  const linger = setTimeout(() => socket.destroy(), REFUSED_LINGER_MS).unref();
  socket.once('close', () => clearTimeout(linger)).resume();
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${text}`);
}

/** For an upgrade that is refused. */
export function refuseUpgrade(socket: Socket, error: unknown, traceId: string, headers: Record<string, string> = {}): AppError {
  const failure = toAppError(error);
  const problem = problemOf(failure, traceId);
  writeProblem(socket, { ...problem, headers: { ...problem.headers, ...headers } });
  return failure;
}
