import { open, type FileHandle } from 'node:fs/promises';
import type { Task } from '@orbitmesh/domain';

/** A command that was answered with 2xx, and what it must have caused. */
export interface Acknowledged {
  key: string;
  lane: number;
  op: 'create' | 'update' | 'delete' | 'spawn' | 'kill' | 'input' | 'answer';
  id: string;
  /** As it was answered. */
  body: unknown;
}

/**
 * What the clients know: every acknowledged command and every event that was received, on disk before anybody relies on
 * it. It is what the service is held to, so it must not be lost with the harness either.
 */
export class Ledger {
  private waiting: { line: string; done: () => void; failed: (error: unknown) => void }[] = [];
  private writing: Promise<void> | null = null;
  /** Since the last `takeRound`. */
  private round: Acknowledged[] = [];
  acknowledged = 0;
  received = 0;

  private constructor(readonly path: string, private readonly file: FileHandle) {}

  static async open(path: string): Promise<Ledger> {
    return new Ledger(path, await open(path, 'a', 0o600));
  }

  async acknowledge(command: Acknowledged): Promise<void> {
    await this.append({ acked: command });
    this.acknowledged += 1;
    this.round.push(command);
  }

  async receive(client: string, events: readonly { seq: number; id: string }[]): Promise<void> {
    this.received += events.length;
    await this.append({ client, received: events.map(({ seq, id }) => [seq, id]) });
  }

  note(what: object): Promise<void> {
    return this.append(what);
  }

  takeRound(): Acknowledged[] {
    const round = this.round;
    this.round = [];
    return round;
  }

  async close(): Promise<void> {
    await this.writing;
    await this.file.close();
  }

  private append(what: object): Promise<void> {
    return new Promise((done, failed) => {
      this.waiting.push({ line: `${JSON.stringify(what)}\n`, done, failed });
      this.writing ??= this.write();
    });
  }

  /** Everything that waits shares one write and one sync. */
  private async write(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting;
      this.waiting = [];
      try {
        await this.file.appendFile(batch.map(({ line }) => line).join(''));
        await this.file.datasync();
        for (const { done } of batch) done();
      } catch (error) {
        for (const { failed } of batch) failed(error);
      }
    }
    this.writing = null;
  }
}

export const isTaskOp = ({ op }: Acknowledged): boolean => op === 'create' || op === 'update' || op === 'delete';
export const revisionOf = (body: unknown): number => (body as Task).revision;
