import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { AppError } from '@orbitmesh/domain';
import { problemOf, toAppError, type Problem } from './problem.js';
import { traceIdOf } from './request-context.js';

/** What is no HTTP gets an answer all the same, and then no more. */
export function refuseRaw(socket: Socket, status: number): void {
  const problem = problemOf(toAppError({ statusCode: status }), traceIdOf({ headers: {} }));
  writeProblem(socket, { ...problem, status, body: { ...problem.body, status } });
}

/** A whole answer on a bare socket, which is then closed: for upgrades, and for what Node could not parse. */
function writeProblem(socket: Socket, { status, headers, body }: Problem): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const text = JSON.stringify(body);
  const lines = Object.entries({ ...headers, 'content-length': Buffer.byteLength(text), connection: 'close' }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${text}`);
}

/** For an upgrade that is refused. */
export function refuseUpgrade(socket: Socket, error: unknown, traceId: string): AppError {
  const failure = toAppError(error);
  writeProblem(socket, problemOf(failure, traceId));
  return failure;
}
