import { PROGRESS_TICK_MS } from './limits.js';
import { printable, type Terminal } from './terminal.js';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const CLEAR_LINE = '\r\u001b[K';
/** What a terminal of unknown width surely shows on one line. */
const COLUMNS_DEFAULT = 80;

/** The moving line that says what is waited for: on a terminal's stderr only, never in a pipe and never with JSON. */
export class Progress {
  private readonly shown: boolean;
  private timer: NodeJS.Timeout | undefined;
  private since = 0;
  private frame = 0;
  private text = '';

  constructor(private readonly terminal: Terminal, json: boolean) {
    this.shown = terminal.stderr.isTTY === true && terminal.env['TERM'] !== 'dumb' && !json;
  }

  /** Shows it, or says something else in it. */
  show(text: string): void {
    if (!this.shown) return;
    this.text = printable(text).replaceAll('\n', ' ');
    if (this.timer) return;
    this.since = performance.now();
    this.timer = setInterval(() => this.draw(), PROGRESS_TICK_MS);
    // Waiting is the work of others; this line keeps nobody here.
    this.timer.unref();
    this.draw();
  }

  /** Makes room for a line of something else; the next tick draws below it. */
  clear(): void {
    if (this.timer) this.terminal.stderr.write(CLEAR_LINE);
  }

  stop(): void {
    this.clear();
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private draw(): void {
    const seconds = Math.floor((performance.now() - this.since) / 1_000);
    const columns = (this.terminal.stderr as { columns?: number }).columns || COLUMNS_DEFAULT;
    const time = seconds > 0 ? ` (${seconds} s)` : '';
    const room = columns - time.length - 3;
    const text = this.text.length > room ? `${this.text.slice(0, room - 1)}…` : this.text;
    this.terminal.stderr.write(`${CLEAR_LINE}${FRAMES[this.frame++ % FRAMES.length]} ${text}${time}`);
  }
}
