import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Node tells only the answer whose turn it is that its connection is gone. Those of pipelined requests that wait behind it are told
 * here, or whatever is counted until their `close` would be counted for ever.
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
    answer.once('close', () => answers?.delete(answer));
  });
}
