import { randomUUID } from 'node:crypto';
import { UnreachableError } from '@orbitmesh/api-client';
import { EXIT, exitCodeOf } from '../exit-code.js';
import { MCP_UNCERTAIN_CALLS_MAX } from '../limits.js';

/**
 * A call that failed on its way may have been done. Models then call again, with the same arguments: it goes out under the same
 * Idempotency-Key, and the server does it once.
 */
export class UncertainCalls {
  private readonly keys = new Map<string, string>();

  /** Does `work` under the key of the same call before, if nobody knows what became of that. */
  async run<T>(call: string, work: (idempotencyKey: string) => Promise<T>): Promise<T> {
    const key = this.keys.get(call) ?? randomUUID();
    this.keys.delete(call);
    try {
      return await work(key);
    } catch (error) {
      if (isUncertain(error)) this.keep(call, key);
      throw error;
    }
  }

  private keep(call: string, key: string): void {
    this.keys.set(call, key);
    const [oldest] = this.keys.keys();
    if (this.keys.size > MCP_UNCERTAIN_CALLS_MAX) this.keys.delete(oldest);
  }
}

/** No answer, one that says it may succeed later, or the caller did not wait for it. */
function isUncertain(error: unknown): boolean {
  return error instanceof UnreachableError || exitCodeOf(error) === EXIT.unreachable || (error as Error).name === 'AbortError';
}
