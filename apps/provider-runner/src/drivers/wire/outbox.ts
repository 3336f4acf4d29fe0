import type { DriverHost } from '../driver.js';
import { KeyedLines, type LineOwner } from './keyed-lines.js';

/** A driver's state and the lines it sends: which requests wait for their answers is part of the state. */
export abstract class Outbox<State extends { outstanding: string[] }> {
  private readonly lines: KeyedLines;

  protected constructor(public state: State, protected readonly host: DriverHost, owner: LineOwner) {
    this.lines = new KeyedLines(host, owner);
  }

  update(change: Partial<State>): void {
    this.state = { ...this.state, ...change };
  }

  /** A request whose answer is waited for under its key. */
  request(key: string): void {
    this.state = { ...this.state, outstanding: [...this.state.outstanding, key] };
    this.write(key);
  }

  /** True when the answer is to a request that waits for one; it then does not any more. */
  settle(key: string): boolean {
    const { outstanding } = this.state;
    if (!outstanding.includes(key)) return false;
    this.state = { ...this.state, outstanding: outstanding.filter((other) => other !== key) };
    return true;
  }

  write(key: string): void {
    this.lines.write(key);
  }

  /** After the agent's end nothing matters any more. */
  close(): void {
    this.lines.close();
  }
}
