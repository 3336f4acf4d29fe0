import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';

/** What lies between two programs: TCP to one port, carried to another, until somebody cuts it. */
export class Cable {
  private readonly pairs = new Set<[Socket, Socket]>();
  private silent = false;

  private constructor(private readonly server: Server, private readonly to: number) {
    server.on('connection', (near) => this.join(near));
  }

  /** @param to a port of loopback */
  static async to(to: number): Promise<Cable> {
    const server = createServer();
    const cable = new Cable(server, to);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return cable;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** How many connections go through it. */
  get connections(): number {
    return this.pairs.size;
  }

  /** Every connection breaks, as when a router restarts; new ones are taken. */
  cut(): void {
    for (const [near, far] of this.pairs) for (const end of [near, far]) end.resetAndDestroy();
  }

  /** Nothing is carried any more and nobody is told, as behind a firewall that forgot: also of new connections. */
  silence(): void {
    this.silent = true;
    for (const pair of this.pairs) for (const end of pair) end.pause();
  }

  /** Carries on, what was sent meanwhile first. */
  speak(): void {
    this.silent = false;
    for (const pair of this.pairs) for (const end of pair) end.resume();
  }

  async stop(): Promise<void> {
    this.cut();
    this.server.close();
    await once(this.server, 'close');
  }

  private join(near: Socket): void {
    const far = connect(this.to, '127.0.0.1');
    const pair: [Socket, Socket] = [near, far];
    this.pairs.add(pair);
    for (const [from, to] of [[near, far], [far, near]]) {
      from.on('data', (bytes) => to.write(bytes));
      from.on('end', () => to.end());
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.pairs.delete(pair);
        to.destroy();
      });
      if (this.silent) from.pause();
    }
  }
}
