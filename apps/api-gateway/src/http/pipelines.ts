import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Injectable } from '@nestjs/common';
import { PIPELINED_MAX } from '../limits.js';
import { hasBody } from './request-context.js';

/**
 * Requests that are sent on one connection before the first is answered (RFC 9112 §9.3.2). One without a body, as whatever has a large
 * answer, has its turn when the answer before it is with the kernel: who reads none costs one answer, and a read after a write sees it.
 * One with a body is begun at once: while nobody reads that, Node hears neither the client's end nor all of the request in its time. A
 * connection on which too many wait is cut: Node takes all that comes, so one client without a token could fill the memory.
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

  /** Calls `begin` in its turn; not at all when nobody could hear the answer by then. */
  inTurn(request: IncomingMessage, answer: ServerResponse, begin: () => void): void {
    const { socket } = request;
    const start = (): void => { if (!socket.destroyed && socket.writable) begin(); };
    const before = hasBody(request) ? undefined : this.before(answer, socket);
    if (before) before.once('close', start);
    else start();
  }

  private before(answer: ServerResponse, socket: Socket): ServerResponse | undefined {
    let before: ServerResponse | undefined;
    for (const one of this.answersOf.get(socket) ?? []) {
      if (one === answer) return before;
      before = one;
    }
    return undefined;
  }
}
