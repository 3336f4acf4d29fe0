import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { Inject, Injectable } from '@nestjs/common';
import { Metrics } from '@orbitmesh/service-kit';
import { CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS_MAX, STRANGERS_MAX, STRANGERS_PER_ADDRESS_MAX } from '../limits.js';
import type { Principal } from '../auth/principal.js';
import { isLoopback, networkOf } from './addresses.js';
import { Shares } from './shares.js';

/** Who is there from one address (of IPv6: one network); strangers in the order in which they came. */
interface Neighbour { connections: number; strangers: Set<Socket> }

/**
 * Bounds on connections, such that who shows no token cannot keep out who does: a connection is a stranger's until a valid token
 * was shown on it, and of too many strangers the oldest goes, which had the most time for that.
 */
@Injectable()
export class Connections {
  /** Null: of this machine, which has the whole room to itself. */
  private readonly all = new Map<Socket, Neighbour | null>();
  private readonly strangers = new Set<Socket>();
  /** Whose the others are. */
  private readonly known = new Map<Socket, Principal>();
  private readonly shares = new Shares(CONNECTIONS_MAX);
  private readonly neighbours = new Map<string, Neighbour>();

  constructor(@Inject(Metrics) private readonly metrics: Metrics) {
    metrics.gaugeOf('orbitmesh_connections', 'Connections, of whatever kind.', () => this.all.size);
    metrics.gaugeOf('orbitmesh_connections_strangers', 'Connections on which no valid token was shown.', () => this.strangers.size);
  }

  watch(server: Server): void {
    server.on('connection', (socket: Socket) => this.onConnection(socket));
  }

  /** A valid token was shown on it. Whose has too many already remains a stranger's: it goes where it is in others' way. */
  know(socket: Socket, principal: Principal): void {
    if (!this.strangers.has(socket) || !this.shares.take(principal)) return;
    this.known.set(socket, principal);
    this.noStranger(socket);
  }

  private noStranger(socket: Socket): void {
    this.strangers.delete(socket);
    this.all.get(socket)?.strangers.delete(socket);
  }

  private onConnection(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    const network = isLoopback(address) ? null : networkOf(address);
    const neighbour = network === null ? null : this.neighbours.get(network) ?? { connections: 0, strangers: new Set() };
    const isFull = this.all.size >= CONNECTIONS_MAX && this.strangers.size === 0;
    if (isFull || (neighbour && neighbour.connections >= CONNECTIONS_PER_ADDRESS_MAX)) {
      this.cut(socket);
      return;
    }
    this.all.set(socket, neighbour);
    this.strangers.add(socket);
    if (network !== null && neighbour) {
      this.neighbours.set(network, neighbour);
      neighbour.connections += 1;
      neighbour.strangers.add(socket);
    }
    socket.once('close', () => this.forget(socket, network));
    if (neighbour && neighbour.strangers.size > STRANGERS_PER_ADDRESS_MAX) this.cutOldest(neighbour.strangers);
    if (this.strangers.size > STRANGERS_MAX || this.all.size > CONNECTIONS_MAX) this.cutOldest(this.strangers);
  }

  private cutOldest(strangers: Set<Socket>): void {
    const [oldest] = strangers;
    // Its place is free at once, not when its end has been noticed.
    this.noStranger(oldest);
    this.cut(oldest);
  }

  private cut(socket: Socket): void {
    this.metrics.count('orbitmesh_connections_cut_total', 'Connections cut because there were too many.');
    socket.destroy();
  }

  private forget(socket: Socket, network: string | null): void {
    const neighbour = this.all.get(socket);
    const principal = this.known.get(socket);
    if (principal) this.shares.leave(principal);
    this.known.delete(socket);
    this.noStranger(socket);
    this.all.delete(socket);
    if (!neighbour || network === null) return;
    neighbour.connections -= 1;
    if (neighbour.connections === 0) this.neighbours.delete(network);
  }
}
