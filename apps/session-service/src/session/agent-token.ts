import { createHmac, timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import { AppError, isTerminal, type Session } from '@orbitmesh/domain';
import { loadKeyFile } from '@orbitmesh/service-kit';

/** A MAC is always 43 characters of base64url, so the ids before it may hold `_` themselves. */
const TOKEN_PATTERN = /^oma_([A-Za-z0-9_-]{1,64})_(\d{1,9})_([A-Za-z0-9_-]{43})$/;

/**
 * Tokens of agents, computed and never stored (ADR-0004): one for each run, worth something while its
 * session holds that run and has not ended.
 */
export class AgentTokens {
  private constructor(private readonly key: Buffer, private readonly installationId: string) {}

  /**
   * Reads `agent-token.key` of the directory, or makes it. The caller holds the directory's lock.
   * @throws CONFIG_INVALID when the file is damaged: a new key would silently end the access of running agents.
   */
  static async load(dir: string, installationId: string): Promise<AgentTokens> {
    return new AgentTokens(await loadKeyFile(join(dir, 'agent-token.key'), 'running agents lose their access'), installationId);
  }

  /** The token of the session's present run; the same bytes every time. */
  mint(session: Session): string {
    if (!session.run) throw new Error('a token belongs to a run');
    return `oma_${session.id}_${session.run.epoch}_${this.mac(session).toString('base64url')}`;
  }

  /**
   * The session that the token speaks for.
   * @throws UNAUTHENTICATED when it is none of ours, or its run is not the present one, or its session has ended.
   */
  verify(token: string, load: (sessionId: string) => Session | undefined): Session {
    const [, sessionId] = TOKEN_PATTERN.exec(token) ?? [];
    const session = sessionId === undefined ? undefined : load(sessionId);
    if (!session?.run || isTerminal(session)) throw new AppError('UNAUTHENTICATED');
    // The whole of it: the same epoch and MAC written in another way would be a token that no redaction knows.
    const given = Buffer.from(token);
    const expected = Buffer.from(this.mint(session));
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw new AppError('UNAUTHENTICATED');
    return session;
  }

  private mac({ id, run }: Session): Buffer {
    // Ids hold no newline, so no two tuples have the same text.
    return createHmac('sha256', this.key).update([this.installationId, id, run!.runId, run!.epoch].join('\n')).digest();
  }
}
