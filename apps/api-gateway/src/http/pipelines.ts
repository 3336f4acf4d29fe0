import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Injectable } from '@nestjs/common';
import { PIPELINED_MAX } from '../limits.js';

/**
 * Requests that are sent on one connection before the first is answered (RFC 9112 §9.3.2): each has its turn when the answer before it
 * is with the kernel, so who reads none costs one answer, and a read after a write sees it. A connection on which too many wait is cut:
 * Node takes all that comes while the first is not answered, so one client without a token could fill the memory.
 */
@Injectable()
export class Pipelines {
  private readonly answersOf = new WeakMap<Socket, Set<ServerResponse>>();

  watch(server: Server): void {
    server.on('connection', (socket: Socket) => {
      const answers = new Set<ServerResponse>();
      this.answersOf.set(socket, answers);
      // Node tells only the answer whose turn it is; those behind it would be counted until their `close` for ever.
      socket.once('close', () => {
        for (const answer of answers) if (answer.socket === null) answer.emit('close');
      });
    });
    server.prependListener('request', ({ socket }: IncomingMessage, answer: ServerResponse) => {
      const answers = this.answersOf.get(socket);
      answers?.add(answer);
      if (answers && answers.size > PIPELINED_MAX) socket.destroy();
      answer.once('close', () => answers?.delete(answer));
    });
  }

  /** Calls `begin` when all that came before on its connection is answered, or their connection gone. */
  inTurn(answer: ServerResponse, socket: Socket, begin: () => void): void {
    let before: ServerResponse | undefined;
    for (const one of this.answersOf.get(socket) ?? []) {
      if (one === answer) break;
      before = one;
    }
    if (before) before.once('close', begin);
    else begin();
  }
}
