import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Approval, EventEnvelope, SessionView } from '@orbitmesh/domain';
import type { Chance } from '@orbitmesh/testing';
import type { Client } from './client.js';
import type { Acknowledged, Ledger } from './ledger.js';
import { SESSION_MS_MAX } from './limits.js';

const LINES = 40;
const LINE_MS = 50;
const POLL_MS = 150;

/** What kinds of sessions are at work while things die, and how each must end when its agent survives. */
const KINDS = {
  /** Speaks ACP, and says numbered lines. */
  numbered: { body: { providerType: 'demo', permissionMode: 'allow', custom: { demo: { numbered: LINES, delayMs: LINE_MS } } }, ends: 'completed', lines: LINES },
  /** A program of no protocol. */
  counter: { body: { providerType: 'counter' }, ends: 'finished', lines: LINES },
  /** Asks for permission, which is given. */
  asking: { body: { providerType: 'demo', permissionMode: 'ask' }, ends: 'completed', lines: 0 },
  /** Wants to be told something, and is. */
  waiting: { body: { providerType: 'demo', permissionMode: 'allow', custom: { demo: { askInput: true } } }, ends: 'completed', lines: 0 },
  /** Never ends, until it is killed by its user; something of it has left its process group. */
  killed: { body: { providerType: 'demo', permissionMode: 'allow', custom: { demo: { hang: true, ignoreTerm: true, escape: true } } }, ends: 'killed', lines: 0 },
} as const;
type Kind = keyof typeof KINDS;

/** `providers.json` of the home. */
export const PROVIDERS = {
  counter: {
    driver: 'process', custom: { stdin: 'none' },
    command: ['/bin/sh', '-c', `i=0; while [ $i -lt ${LINES} ]; do i=$((i+1)); echo "numbered $i/${LINES}"; sleep ${LINE_MS / 1_000}; done`],
  },
};

/** What a fault may do to an agent, at most. */
export type Harm = 'none' | 'runner' | 'machine';

/** One session from its spawn to its end, as its user sees it. */
export class Work {
  session: SessionView | null = null;
  /** Its agent was at work when the fault came. */
  private atWork = false;
  private told = false;

  private constructor(
    readonly kind: Kind, private readonly client: Client, private readonly ledger: Ledger, private readonly projectId: string, private readonly secret: string,
  ) {}

  static any(chance: Chance, ...rest: [Client, Ledger, string, string]): Work {
    return new Work(chance.pick(Object.keys(KINDS) as Kind[]), ...rest);
  }

  get id(): string {
    return this.session!.id;
  }

  async spawn(): Promise<void> {
    const body = { projectId: this.projectId, initialDirective: `Be ${this.kind}`, secrets: { WORK_KEY: this.secret }, ...KINDS[this.kind].body };
    this.session = await this.command<SessionView>('spawn', '/api/sessions/spawn', body);
  }

  /** Right before the fault. */
  async lookBefore(): Promise<void> {
    if (this.session) this.atWork = (await this.read()).state === 'running';
  }

  /** Does what its user has to do, until it has ended. @throws when it is stuck */
  async end(): Promise<void> {
    const until = performance.now() + SESSION_MS_MAX;
    for (;;) {
      const session = await this.read();
      this.session = session;
      if (session.outcome && ['stopped', 'error'].includes(session.state)) return;
      if (performance.now() > until) throw new Error(`${session.id} (${this.kind}) is stuck: ${JSON.stringify({ ...session, teamMember: undefined, transitions: undefined })}`);
      await this.act(session);
      await delay(POLL_MS);
    }
  }

  /** @param log of the round. @returns what is wrong with how it ended */
  violations(log: readonly EventEnvelope[], harm: Harm): string[] {
    const { id, outcome, state, status } = this.session!;
    const found: string[] = [];
    const mine = log.filter((event) => event.sessionId === id);
    const code = outcome!.code;
    if (!this.mayEnd(code, harm)) found.push(`${id} (${this.kind}, ${this.atWork ? 'at work' : 'not at work yet'}, ${harm}) ended as ${JSON.stringify(outcome)}`);
    if ((status === 'completed') !== ['completed', 'finished'].includes(code)) found.push(`${id} ended ${code} and is ${status}`);
    const lines = linesOf(mine);
    const whole = KINDS[this.kind].ends === code ? KINDS[this.kind].lines : lines.length;
    if (lines.length !== whole || lines.some((line, at) => line !== at + 1)) found.push(`${id} (${this.kind}, ${code}) said the lines ${lines.join(' ')}`);
    const ends = mine.filter(({ type }) => /^notify:session_(completed|failed|stopped)$/.test(type));
    if (ends.length !== 1) found.push(`${id} was told to have ended ${ends.length} times`);
    const last = mine.filter(({ type }) => type === 'status_change').at(-1) as { data: { newState: string } } | undefined;
    if (last?.data.newState !== state) found.push(`${id} is ${state}, its last change said ${last?.data.newState}`);
    return found;
  }

  private mayEnd(code: string, harm: Harm): boolean {
    if (code === KINDS[this.kind].ends) return true;
    // A start that died with its runner is told in one clear word; an agent at work outlives it.
    if (harm === 'runner') return !this.atWork && code === 'start_failed';
    return harm === 'machine' && ['agent_crash', 'runner_lost', 'start_failed', 'agent_exit', 'killed'].includes(code);
  }

  private async act(session: SessionView): Promise<void> {
    if (session.state !== 'running') return;
    const path = `/api/sessions/${session.id}`;
    if (this.kind === 'killed' && !this.told) {
      this.told = true;
      await this.command('kill', `${path}/kill`, {});
    }
    if (this.kind === 'waiting' && !this.told && session.needsInput?.active) {
      this.told = true;
      await this.command('input', `${path}/input`, { text: 'The weather is fine.' });
    }
    if (this.kind !== 'asking' || !session.needsInput?.active) return;
    const { items } = await this.client.get<{ items: Approval[] }>(`${path}/approvals`);
    const open = items.find(({ state }) => state === 'open');
    if (open) await this.command('answer', `${path}/approvals/${open.id}`, { decision: 'allow' });
  }

  private async read(): Promise<SessionView> {
    return this.client.get<SessionView>(`/api/sessions/${this.id}`);
  }

  private async command<T extends { id: string }>(op: Acknowledged['op'], path: string, body: unknown): Promise<T> {
    const key = randomUUID();
    const { body: answer } = await this.client.insist<T>('POST', path, { body, key }).catch((error: Error) => {
      // It has ended meanwhile, or the question was withdrawn: a refusal is an answer, too.
      if (op !== 'spawn' && /refused: (409|422)/.test(error.message)) return { body: null };
      throw error;
    });
    if (answer) await this.ledger.acknowledge({ key, lane: -1, op, id: answer.id, body: answer });
    return answer as T;
  }
}

function linesOf(events: readonly EventEnvelope[]): number[] {
  const text = events.filter(({ type }) => type === 'output').map(({ data }) => (data as { content: string }).content).join('');
  return [...text.matchAll(new RegExp(`numbered (\\d+)/${LINES}`, 'g'))].map((match) => Number(match[1]));
}
