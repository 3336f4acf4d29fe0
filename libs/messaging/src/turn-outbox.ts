/**
 * What is sent within one turn of the event loop goes out together, in one write: the library writes at each microtask's end, which
 * under load is once a message, and wakes the server and its reader as often. Sent at the end of the turn that gave it, before
 * anything is waited for: nothing is held back.
 */
export class TurnOutbox {
  private waiting: (() => void)[] = [];

  /** In the order in which they are added. */
  add(send: () => void): void {
    if (this.waiting.push(send) === 1) setImmediate(() => this.flush());
  }

  flush(): void {
    const sends = this.waiting;
    this.waiting = [];
    for (const send of sends) send();
  }
}
