import { CONFIRM_BYTES, UNCONFIRMED_BYTES_MAX } from './limits.js';

/** What was given to the connection and not yet seen to be taken: the library keeps all of it, however much, and does not say. */
export class Outflow {
  private unconfirmed = 0;
  private asked = false;

  /** @param flush resolves when the server has seen all that was sent before; rejects when the connection broke, and what waited is gone */
  constructor(private readonly flush: () => Promise<void>) {}

  /** False: there is no room, and it is not to be sent. */
  take(bytes: number): boolean {
    const hasRoom = this.unconfirmed + bytes <= UNCONFIRMED_BYTES_MAX;
    if (hasRoom) this.unconfirmed += bytes;
    if (this.unconfirmed >= CONFIRM_BYTES && !this.asked) this.ask();
    return hasRoom;
  }

  private ask(): void {
    this.asked = true;
    const sent = this.unconfirmed;
    const over = (): void => {
      this.asked = false;
      this.unconfirmed -= sent;
    };
    this.flush().then(over, over);
  }
}
