import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * A small `codex app-server` for specs that run without the 404 MB of the real one: the frames are the
 * real one's (drivers/codex/testing/recorded-turns.ndjson), what it does is written in the prompt:
 * `count`, `stubborn`, `exit`, `ask`, `recall`, or `say <text>`.
 */
interface Message { id?: string | number; method?: string; params?: Record<string, unknown>; result?: { decision?: string } }
interface Turn { id: string; interrupted: AbortController }

const NUMBERS = 60;
const PAUSE_MS = 10;
const home = process.env.CODEX_HOME ?? '.';

class ScriptedCodex {
  private threadId = '';
  private turns = 0;
  private turn: Turn | null = null;
  private items = 0;
  private readonly questions = new Map<number, (decision: string) => void>();
  private stubborn = false;

  /** A conversation is one file in CODEX_HOME: the texts of its turns. */
  private get file(): string {
    return join(home, `${this.threadId}.json`);
  }

  hear({ id, method, params = {}, result }: Message): void {
    if (method === undefined) return this.questions.get(Number(id))?.(result?.decision ?? 'cancel');
    if (id === undefined) return;
    const answer = (value: unknown) => say({ id, result: value });
    switch (method) {
      case 'initialize': return answer({ userAgent: 'scripted', codexHome: home });
      case 'account/read': return answer({ account: null, requiresOpenaiAuth: true });
      case 'account/login/start': return params.apiKey === process.env.OPENAI_API_KEY ? answer({ type: 'apiKey' }) : say({ id, error: { code: -32600, message: 'another key' } });
      case 'thread/start': return this.open(id, `thread-${process.pid}`, true);
      case 'thread/resume': return this.open(id, String(params.threadId), false);
      case 'mcpServerStatus/list': return answer({ data: [] });
      case 'turn/start': return this.start(id, textOf(params));
      case 'turn/steer': return this.turn?.id === params.expectedTurnId ? answer({ turnId: this.turn?.id }) : say({ id, error: { code: -32600, message: 'no active turn to steer' } });
      case 'turn/interrupt': this.turn?.interrupted.abort(); return answer({});
      case 'thread/backgroundTerminals/clean': return answer({});
      default: return say({ id, error: { code: -32600, message: `unknown variant ${method}` } });
    }
  }

  stdinEnded(): void {
    if (!this.stubborn) process.exit(0);
  }

  private open(id: string | number, threadId: string, isNew: boolean): void {
    this.threadId = threadId;
    if (isNew) writeFileSync(this.file, '[]');
    if (!existsSync(this.file)) return say({ id, error: { code: -32600, message: `no rollout found for thread id ${threadId}` } });
    say({ id, result: { thread: { id: threadId, cliVersion: '0.0.0' } } });
  }

  private start(id: string | number, text: string): void {
    this.turns += 1;
    const turn = { id: `${this.threadId}/${this.turns}`, interrupted: new AbortController() };
    this.turn = turn;
    say({ id, result: { turn: { id: turn.id, status: 'inProgress' } } });
    this.tell('turn/started', { turn: { id: turn.id, status: 'inProgress' } });
    void this.work(text, turn.interrupted.signal).then(() => 'completed', () => 'interrupted').then((status) => {
      this.turn = null;
      this.tell('turn/completed', { turn: { id: turn.id, status, error: null } });
    });
  }

  private async work(text: string, interrupted: AbortSignal): Promise<void> {
    const before = JSON.parse(readFileSync(this.file, 'utf8')) as string[];
    writeFileSync(this.file, JSON.stringify([...before, text]));
    if (text === 'count') {
      for (let n = 1; n <= NUMBERS; n += 1) {
        this.write(`numbered ${n}/${NUMBERS}\n`);
        await delay(PAUSE_MS, undefined, { signal: interrupted });
      }
    } else if (text === 'stubborn') {
      this.stubborn = true;
      process.on('SIGTERM', () => {});
      // eslint-disable-next-line no-restricted-syntax -- a child that does not end is the test
      spawn('/bin/sh', ['-c', "trap '' TERM; sleep 300"], { detached: true, stdio: 'ignore' }).unref();
      this.write('escaped\n');
      await delay(300_000);
    } else if (text === 'exit') {
      process.stdout.write('', () => process.exit(5));
      await delay(300_000);
    } else if (text === 'ask') {
      this.write(await this.ask(interrupted) === 'accept' ? 'allowed' : 'denied');
    } else if (text === 'recall') {
      this.write(`I remember ${before.join(', ')}`);
    } else {
      this.write(text.replace(/^say /, ''));
    }
  }

  private ask(interrupted: AbortSignal): Promise<string> {
    const id = this.questions.size;
    const itemId = `call_${id}`;
    const command = { command: '/bin/sh -c "touch x"', cwd: process.cwd(), commandActions: [{ type: 'unknown', command: 'touch x' }] };
    this.tell('item/started', { item: { type: 'commandExecution', id: itemId, status: 'inProgress', ...command } });
    say({ id, method: 'item/commandExecution/requestApproval', params: { threadId: this.threadId, itemId, ...command, availableDecisions: ['accept', 'cancel'] } });
    return new Promise((resolve, reject) => {
      interrupted.addEventListener('abort', () => reject(new Error('interrupted')));
      this.questions.set(id, (decision) => {
        this.tell('item/completed', { item: { type: 'commandExecution', id: itemId, status: decision === 'accept' ? 'completed' : 'declined', ...command } });
        resolve(decision);
      });
    });
  }

  private write(delta: string): void {
    const itemId = `msg_${(this.items += 1)}`;
    this.tell('item/agentMessage/delta', { itemId, delta });
    this.tell('item/completed', { item: { type: 'agentMessage', id: itemId, text: delta } });
  }

  private tell(method: string, params: Record<string, unknown>): void {
    say({ method, params: { threadId: this.threadId, ...params }, emittedAtMs: 1 });
  }
}

function textOf({ input }: Record<string, unknown>): string {
  return (input as { text: string }[]).map(({ text }) => text).join('');
}

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

if (process.argv.includes('--version')) {
  process.stdout.write('codex-cli 0.0.0\n');
} else {
  const codex = new ScriptedCodex();
  createInterface({ input: process.stdin }).on('line', (line) => codex.hear(JSON.parse(line) as Message)).on('close', () => codex.stdinEnded());
}
