import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, type NatsConnection } from '@nats-io/transport-node';

/** What an agent wrote itself, kept as it wrote it for its owner alone: its raw frames, and its own files (docs/adr/0032). */
const AGENTS_OWN = /\/provider-runner\/slot-\d+\/(?:agents\/|runs\/[^/]+\/(?:in|out|err)$)/;

/** Secrets that are looked for wherever they must not be: each as it is, and as people encode it. */
export class Canaries {
  private readonly told: Buffer[] = [];
  private nats: NatsConnection | undefined;

  /** @param values by what they are */
  constructor(readonly values: Readonly<Record<string, string>>) {}

  /** From now on all that goes over this NATS is looked at, too. */
  async listen(natsUrl: string): Promise<void> {
    this.nats = await connect({ servers: natsUrl });
    this.nats.subscribe('>', { callback: (error, message) => { if (!error) this.told.push(Buffer.from(message.data), Buffer.from(JSON.stringify(message.headers ?? {}))); } });
    await this.nats.flush();
  }

  /** @returns the names of those that are found in the text */
  in(text: string | Buffer): string[] {
    const bytes = Buffer.isBuffer(text) ? text : Buffer.from(text);
    return Object.entries(this.values).filter(([, value]) => [value, encodeURIComponent(value), Buffer.from(value).toString('base64').replace(/..?=*$/, '')].some((form) => bytes.includes(form))).map(([name]) => name);
  }

  async inFiles(home: string): Promise<string[]> {
    const entries = await readdir(home, { recursive: true, withFileTypes: true });
    const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)).filter((path) => !AGENTS_OWN.test(path));
    return (await Promise.all(paths.map(async (path) => this.in(await readFile(path).catch(() => '')).map((name) => `${name} in ${path}`)))).flat();
  }

  /** Everybody on the machine can read command lines. */
  async inCommandLines(): Promise<string[]> {
    const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
    return (await Promise.all(pids.map(async (pid) => this.in(await readFile(`/proc/${pid}/cmdline`).catch(() => '')).map((name) => `${name} in the command line of ${pid}`)))).flat();
  }

  /** @returns the names of those (or of others) that went over NATS since we listen, and how much did */
  async onWire(of: Canaries = this): Promise<{ found: string[]; messages: number }> {
    await this.nats?.flush();
    return { found: [...new Set(this.told.flatMap((data) => of.in(data)))], messages: this.told.length };
  }

  async close(): Promise<void> {
    await this.nats?.close();
  }
}
