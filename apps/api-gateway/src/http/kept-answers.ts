import { Injectable } from '@nestjs/common';
import { AppError } from '@orbitmesh/domain';
import { KEPT_ANSWER_MS, KEPT_ANSWERS_MAX } from '../limits.js';
import { commandMetaOf, sha256, type Call } from './request-context.js';

interface Kept { bodyHash: string; at: number; answer: Promise<unknown> }
/** Hashes of the request, by its key and by its body: what a file may know of it. */
export interface RequestMark { key: string; body: string }

/**
 * Answers for repeats under their Idempotency-Key, of what the gateway does itself. They hold tokens, so no file may have them:
 * they are in memory, of this gateway, for a while (ADR-0029).
 */
@Injectable()
export class KeptAnswers {
  /** Oldest first. */
  private readonly kept = new Map<string, Kept>();

  /** What `make` answered the first time; a repeat that comes meanwhile waits for it. @throws IDEMPOTENCY_KEY_REUSED, and what `make` throws */
  async once<T>(call: Call, status: 200 | 201 | 204, make: (mark: RequestMark | undefined) => Promise<T>): Promise<T> {
    call.reply.status(status);
    const { idempotency } = commandMetaOf(call.request);
    if (!idempotency) return make(undefined);
    const { bodyHash } = idempotency;
    const key = sha256(Buffer.from(`${idempotency.scope}\n${idempotency.key}`));
    this.sweep();
    const before = this.kept.get(key);
    if (before && before.bodyHash !== bodyHash) throw new AppError('IDEMPOTENCY_KEY_REUSED');
    if (before) {
      const answer = await before.answer;
      call.reply.header('idempotent-replayed', 'true');
      return answer as T;
    }
    const answer = make({ key, body: bodyHash });
    this.kept.set(key, { bodyHash, at: performance.now(), answer });
    // Only what was done is kept: what failed may be tried again.
    answer.catch(() => this.kept.delete(key));
    return answer;
  }

  private sweep(): void {
    const oldest = performance.now() - KEPT_ANSWER_MS;
    for (const [key, { at }] of this.kept) {
      if (at > oldest && this.kept.size < KEPT_ANSWERS_MAX) return;
      this.kept.delete(key);
    }
  }
}
