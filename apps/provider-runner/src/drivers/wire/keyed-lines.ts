import type { DriverHost } from '../driver.js';

/** What a protocol does with its lines; every method may change the driver's state and emit facts. */
export interface LineOwner {
  /** The line that `key` names, from the driver's state alone. Undefined: it is not needed any more. */
  lineOf(key: string): string | undefined;
  /** Every byte of it is in the agent's stdin. */
  written(key: string): void;
  /** The agent does not read, or is gone. */
  notWritten(key: string, error: Error): void;
  /** After each of the two: say what has changed. */
  afterwards(): void;
}

/**
 * Lines on their way to the agent. A line is named by its key (at most 128 characters) and made from
 * the driver's state, so that one which was journaled and not written can be made again after a crash,
 * byte for byte, without ever being journaled itself.
 */
export class KeyedLines {
  private closed = false;

  constructor(private readonly host: DriverHost, private readonly owner: LineOwner) {}

  write(key: string): void {
    const line = this.owner.lineOf(key);
    if (line === undefined) return;
    this.host.send(key, line).then(() => this.settle(() => this.owner.written(key)), (error: Error) => this.settle(() => this.owner.notWritten(key, error)));
  }

  /** After the agent's end nothing that is still on its way matters any more. */
  close(): void {
    this.closed = true;
  }

  private settle(work: () => void): void {
    if (this.closed) return;
    work();
    this.owner.afterwards();
  }
}
