import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { PIPELINED_MAX } from '../limits.js';

/**
 * Node tells only the answer whose turn it is that its connection is gone. Those of pipelined requests that wait behind it are told
 * here, or whatever is counted until their `close` would be counted for ever. A connection on which too many wait is cut: Node takes
 * all that comes while the first is not answered, so one client without a token could fill the memory, and the time of all others.
 */
export function closeWaitingAnswers(server: Server): void {
  const answersOf = new WeakMap<Socket, Set<ServerResponse>>();
  server.on('connection', (socket: Socket) => {
    const answers = new Set<ServerResponse>();
    answersOf.set(socket, answers);
    socket.once('close', () => {
      for (const answer of answers) if (answer.socket === null) answer.emit('close');
    });
  });
  server.prependListener('request', ({ socket }: IncomingMessage, answer: ServerResponse) => {
    const answers = answersOf.get(socket);
    answers?.add(answer);
    if (answers && answers.size > PIPELINED_MAX) socket.destroy();
    answer.once('close', () => answers?.delete(answer));
  });
}
