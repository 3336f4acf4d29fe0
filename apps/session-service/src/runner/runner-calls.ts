import { Inject, Injectable } from '@nestjs/common';
import { AppError } from '@orbitmesh/domain';
import type { Rpc } from '@orbitmesh/contracts';
import { Bus } from '@orbitmesh/messaging';
import { RUNNER_REQUEST_MS } from '../limits.js';
import { RunnerRegistry } from './runner-registry.js';

/**
 * Requests to runners. They are accepted or refused at once and safe to repeat, so none is waited for longer than
 * `RUNNER_REQUEST_MS`, nor beyond the return of its runner: the process that was asked may be gone.
 */
@Injectable()
export class RunnerCalls {
  private readonly waiting = new Map<string, Set<(error: AppError) => void>>();

  constructor(@Inject(Bus) private readonly bus: Pick<Bus, 'request'>, @Inject(RunnerRegistry) registry: RunnerRegistry) {
    registry.onReturn((runnerId) => this.giveUp(runnerId));
  }

  /** @throws whatever the runner refuses with; UNAVAILABLE, TIMEOUT: the effect is unknown */
  async request<Req, Res>(runnerId: string, rpc: Rpc<Req, Res>, req: Req, traceId?: string): Promise<Res> {
    const waiting = this.waiting.get(runnerId) ?? new Set();
    this.waiting.set(runnerId, waiting);
    let giveUp: (error: AppError) => void = () => undefined;
    const givenUp = new Promise<never>((_resolve, reject) => { giveUp = reject; });
    waiting.add(giveUp);
    try {
      return await Promise.race([this.bus.request(rpc, req, { runnerId, timeoutMs: RUNNER_REQUEST_MS, ...(traceId !== undefined && { traceId }) }), givenUp]);
    } finally {
      waiting.delete(giveUp);
      if (waiting.size === 0 && this.waiting.get(runnerId) === waiting) this.waiting.delete(runnerId);
    }
  }

  private giveUp(runnerId: string): void {
    for (const reject of [...this.waiting.get(runnerId) ?? []]) reject(new AppError('UNAVAILABLE', 'The runner came back while it was being asked.', { runnerId }));
  }
}
