import type { DriverHost } from '../driver.js';
import { fields, short, text, type Fields } from '../wire/fields.js';
import type { RpcError } from '../wire/json-rpc.js';
import type { CodexOutbox } from './codex-outbox.js';
import { keyIn, usesOwnHome } from './codex-requests.js';
import { NOTHING_SEEN } from './codex-usage.js';

const NO_LOGIN = 'Codex has no login: give the provider an OPENAI_API_KEY by `secrets`, or share a CODEX_HOME in which `codex login` was run by its `env`.';

/** From the first frame to a thread that takes turns: initialize, a login where the model's provider wants one, and the thread. */
export class CodexHandshake {
  constructor(private readonly host: DriverHost, private readonly outbox: CodexOutbox, private readonly ready: () => void) {}

  /** False: an answer to something else. */
  onResult(key: string, result: Fields): boolean {
    switch (key) {
      case 'initialize':
        this.outbox.update({ phase: 'authenticating' });
        this.outbox.write('initialized');
        this.outbox.request('account');
        return true;
      case 'account':
        this.onAccount(result);
        return true;
      case 'login':
        this.open();
        return true;
      case 'thread':
        this.onOpened(fields(result.thread));
        return true;
      case 'servers':
        this.begin();
        return true;
      default:
        return false;
    }
  }

  onError(key: string, { message }: RpcError): boolean {
    switch (key) {
      case 'initialize': this.host.failStart('start_failed', `Codex refuses to begin: ${message}`); return true;
      // A version without accounts is asked for its thread; without a login its first turn says so.
      case 'account': this.open(); return true;
      // Without its servers it can work, and says which did not start.
      case 'servers': this.begin(); return true;
      case 'login': this.host.failStart('auth_required', `Codex refuses the key: ${message}`); return true;
      case 'thread': this.host.failStart('config_invalid', this.refusedThread(message)); return true;
      default: return false;
    }
  }

  private onAccount({ account, requiresOpenaiAuth }: Fields): void {
    if (requiresOpenaiAuth !== true || account) return this.open();
    // Only in a home of ours is it certain that codex keeps the key in memory alone.
    if (keyIn(this.host.run) === '' || !usesOwnHome(this.host.run)) return this.host.failStart('auth_required', NO_LOGIN);
    this.outbox.request('login');
  }

  private open(): void {
    this.outbox.update({ phase: 'opening' });
    this.outbox.request('thread');
  }

  private onOpened({ id, cliVersion }: Fields): void {
    const threadId = text(id);
    if (!threadId) return this.host.failStart('start_failed', 'Codex opened a thread without saying its id.');
    const continues = this.host.run.continueAgentSessionId !== undefined;
    const { usage } = this.outbox.state;
    this.outbox.update({ phase: 'connecting', threadId, version: text(cliVersion) ? short(cliVersion) : null, usage: { ...usage, seen: { [threadId]: continues ? null : NOTHING_SEEN, ...usage.seen } } });
    // Codex begins a turn without the servers that are not up within a second; the answer to this comes when all are up, or have failed.
    if (this.host.run.mcpServers.length) return this.outbox.request('servers');
    this.begin();
  }

  private begin(): void {
    const { threadId, version, stopping } = this.outbox.state;
    this.outbox.update({ phase: 'ready' });
    this.host.emit({ type: 'run_started', pid: this.host.pid, agentSessionId: threadId!, agentInfo: { name: 'codex', ...(version === null ? {} : { version }) } });
    if (!stopping) this.ready();
  }

  private refusedThread(message: string): string {
    return this.host.run.continueAgentSessionId === undefined ? `Codex opens no thread: ${message}` : `Codex cannot go on with the earlier conversation: ${message}`;
  }
}
