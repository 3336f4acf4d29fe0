import { EventEmitter } from 'node:events';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { Metrics, metricsText } from '@orbitmesh/service-kit';
import type { Principal } from '../auth/principal.js';
import { CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS_MAX, STRANGERS_MAX, STRANGERS_PER_ADDRESS_MAX } from '../limits.js';
import { Connections } from './connections.js';

const OWNER: Principal = { actor: { kind: 'admin' }, tokenId: 'admin' };
const userOf = (tokenId: string): Principal => ({ actor: { kind: 'user', tokenId }, tokenId: `user:${tokenId}` });

class Line extends EventEmitter {
  destroyed = false;

  constructor(readonly remoteAddress: string) {
    super();
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

describe('connections', () => {
  let server: EventEmitter;
  let connections: Connections;
  let metrics: Metrics;
  beforeEach(() => {
    server = new EventEmitter();
    metrics = new Metrics();
    connections = new Connections(metrics);
    connections.watch(server as Server);
  });

  function come(address: string, count: number, { known = false, principal = OWNER } = {}): Line[] {
    return Array.from({ length: count }, () => {
      const line = new Line(address);
      server.emit('connection', line);
      if (known) connections.know(line as unknown as Socket, principal);
      return line;
    });
  }
  const cut = (lines: Line[]) => lines.filter(({ destroyed }) => destroyed).length;
  const gauge = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(metricsText([{ labels: {}, families: metrics.collect() }]))?.[1]);

  it('of strangers are bounded: the oldest goes, and who has shown a token stays', () => {
    const clients = come('127.0.0.1', 2_000, { known: true });
    const flood = come('127.0.0.1', STRANGERS_MAX + 100);

    expect(cut(clients)).toBe(0);
    expect(flood.map(({ destroyed }) => destroyed)).toEqual(flood.map((_line, index) => index < 100));
  });

  it('of one address beyond loopback are bounded, and leave room for others', () => {
    const flood = come('192.0.2.7', STRANGERS_PER_ADDRESS_MAX + 100);
    const [neighbour] = come('192.0.2.8', 1);
    come('192.0.2.7', STRANGERS_PER_ADDRESS_MAX);

    expect(cut(flood)).toBe(STRANGERS_PER_ADDRESS_MAX + 100);
    expect(neighbour.destroyed).toBe(false);
  });

  it('of one address are bounded also where a token was shown on each', () => {
    const lines = come('2001:db8::1', CONNECTIONS_PER_ADDRESS_MAX, { known: true });
    const [another] = come('2001:db8::2', 1);
    const [elsewhere] = come('2001:db8:0:1::1', 1);

    expect([cut(lines), another.destroyed, elsewhere.destroyed]).toEqual([0, true, false]);
  });

  it('altogether are bounded: strangers make room, and where there are none the new one goes', () => {
    const strangers = come('127.0.0.1', 10);
    const clients = come('127.0.0.1', CONNECTIONS_MAX, { known: true });
    const [late] = come('127.0.0.1', 1);

    expect([cut(strangers), cut(clients), late.destroyed]).toEqual([10, 0, true]);
    expect(metricsText([{ labels: {}, families: metrics.collect() }])).toContain('orbitmesh_connections_cut_total 11\n');
  });

  it('of users together leave the owner some: past that theirs make room, the oldest first', () => {
    const lines = ['a', 'b', 'c'].flatMap((id) => come('127.0.0.1', CONNECTIONS_MAX / 2, { known: true, principal: userOf(id) }));
    const [owner] = come('127.0.0.1', 1, { known: true });

    expect(owner.destroyed).toBe(false);
    expect(lines.length - cut(lines)).toBe(CONNECTIONS_MAX - 1);
  });

  it('that end are forgotten, and their address with the last of them', () => {
    const lines = [...come('192.0.2.7', 3), ...come('127.0.0.1', 2), ...come('192.0.2.7', 2, { known: true })];
    expect([gauge('orbitmesh_connections'), gauge('orbitmesh_connections_strangers')]).toEqual([7, 5]);
    for (const line of lines) line.destroy();

    expect([gauge('orbitmesh_connections'), gauge('orbitmesh_connections_strangers')]).toEqual([0, 0]);
    expect((connections as unknown as { neighbours: Map<string, unknown> }).neighbours.size).toBe(0);
  });
});
