import { SECRET_LENGTH_MIN } from '../limits.js';

const MASK = '[redacted]';
/** A line of a secret of several lines (a key file) is one too, when it is as long as this. */
const SECRET_LINE_LENGTH_MIN = 16;

/** Takes the values of a run's secrets out of everything that leaves the runner (design §3). */
export class Redactor {
  /** Longest first: one value may be the beginning of another. */
  private readonly values: string[];
  private readonly token: { start: string; whole: RegExp; begun: RegExp } | undefined;

  /** @param run whose token is known by its form too: of a dead agent nobody can say it any more */
  constructor(secrets: Iterable<string>, run?: { sessionId: string; epoch: number }) {
    if (run) {
      // Ids and numbers hold nothing that means something in a pattern.
      const start = `oma_${run.sessionId}_${run.epoch}_`;
      this.token = { start, whole: new RegExp(`${start}[\\w-]{1,43}`, 'g'), begun: new RegExp(`${start}[\\w-]{0,42}$`) };
    }
    const all = [...secrets].flatMap((value) => [value, ...value.split('\n').filter((line) => line.length >= SECRET_LINE_LENGTH_MIN)]);
    this.values = [...new Set(all)].filter((value) => value.length >= SECRET_LENGTH_MIN).sort((a, b) => b.length - a.length);
  }

  text(text: string): string {
    let clean = text;
    for (const value of this.values) if (clean.includes(value)) clean = clean.replaceAll(value, MASK);
    return this.token && clean.includes(this.token.start) ? clean.replace(this.token.whole, MASK) : clean;
  }

  /** The same JSON value with every string in it cleaned, keys too. */
  deep<T>(value: T): T {
    return (this.values.length === 0 && !this.token ? value : this.walk(value)) as T;
  }

  /** The text ends with what may be the beginning of a secret, whose rest has not come yet. */
  mayGoOn(text: string): boolean {
    if (this.token?.begun.test(text)) return true;
    return [...this.values, ...(this.token ? [this.token.start] : [])].some((value) => {
      for (let length = Math.min(value.length - 1, text.length); length > 0; length -= 1) {
        if (text.endsWith(value.slice(0, length))) return true;
      }
      return false;
    });
  }

  private walk(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((item) => this.walk(item));
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [this.text(key), this.walk(item)]));
  }
}
