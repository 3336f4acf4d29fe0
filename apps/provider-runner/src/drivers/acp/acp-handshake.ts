import { describeError, kindOfError } from './acp-errors.js';
import { agentInfoOf, keepsConversations, modelChoiceOf, offersMode, offersSteering, openingOf } from './acp-opening.js';
import { isKeptFromProject, type AcpOptions } from './acp-options.js';
import type { AcpOutbox } from './acp-outbox.js';
import { ACP_PROTOCOL_VERSION } from './acp-requests.js';
import type { DriverHost } from '../driver.js';
import { short, text, type Fields } from '../wire/fields.js';
import type { RpcError } from '../wire/json-rpc.js';

/** From `initialize` to the first prompt: the conversation is opened, its mode and model are chosen, the run has started. */
export class AcpHandshake {
  constructor(private readonly host: DriverHost, private readonly options: AcpOptions, private readonly outbox: AcpOutbox) {}

  start(): void {
    this.outbox.request('initialize');
  }

  /** @returns true when the agent is ready for work now */
  onResult(key: string, result: Fields): boolean {
    if (key === 'initialize') this.onInitialized(result);
    else if (key === 'session') return this.onOpened(result);
    else return this.configure(key);
    return false;
  }

  onError(key: string, error: RpcError): void {
    const message = describeError(error);
    if (key === 'model') return this.host.failStart('config_invalid', `The agent refuses the model ${short(this.host.run.manifest.provider.model)}: ${message}`);
    if (key === 'mode') return this.host.failStart('config_invalid', `The agent refuses the mode ${short(this.options.mode)}: ${message}`);
    this.host.failStart(kindOfError(error) === 'auth_required' ? 'auth_required' : 'start_failed', message);
  }

  private onInitialized(result: Fields): void {
    if (result.protocolVersion !== ACP_PROTOCOL_VERSION) {
      return this.host.failStart('config_invalid', `The agent speaks version ${String(result.protocolVersion)} of the Agent Client Protocol; this driver speaks ${ACP_PROTOCOL_VERSION}.`);
    }
    const opening = openingOf(result, this.host.run.continueAgentSessionId, this.options);
    if (!opening) return this.host.failStart('config_invalid', 'The agent cannot go on with an earlier conversation.');
    this.outbox.update({ phase: 'opening', agentInfo: agentInfoOf(result), keepsConversations: this.options.continue && keepsConversations(result), steering: offersSteering(result), opening });
    this.outbox.request('session');
  }

  private onOpened(result: Fields): boolean {
    const agentSessionId = this.outbox.state.opening === 'session/new' ? text(result.sessionId) : this.host.run.continueAgentSessionId;
    const { mode } = this.options;
    if (!agentSessionId) this.host.failStart('start_failed', 'The agent opened a session without saying its id.');
    // Without that mode the agent would not ask for permissions: better no session than one that nobody can stop.
    else if (mode !== null && !offersMode(result, mode)) this.host.failStart('config_invalid', `The agent does not offer the mode ${short(mode)}; custom.acp.mode of its entry says which to choose, null for its own.`);
    else {
      this.outbox.update({ phase: 'configuring', agentSessionId, mode, model: modelChoiceOf(result, this.host.run.manifest.provider.model) });
      return this.configure('session');
    }
    return false;
  }

  /** One after the other what has to be chosen after `done`; with nothing left the run has started. */
  private configure(done: string): boolean {
    const { mode, model } = this.outbox.state;
    if (mode !== null && done === 'session') this.outbox.request('mode');
    else if (model && done !== 'model') this.outbox.request('model');
    else {
      this.becomeReady();
      return true;
    }
    return false;
  }

  private becomeReady(): void {
    const { model } = this.host.run.manifest.provider;
    const { keepsConversations: keeps, agentSessionId, agentInfo } = this.outbox.state;
    this.outbox.update({ phase: 'ready', startLog: '' });
    // The session is told an id only where it is of use: without one, going on with it is NOT_SUPPORTED at once, and not a start that fails.
    const known = keeps ? { agentSessionId: agentSessionId ?? '' } : {};
    this.host.emit({ type: 'run_started', pid: this.host.pid, ...known, agentInfo: agentInfo ?? {} });
    if (isKeptFromProject(this.options, this.host.run.environment)) {
      const { when } = this.options.untrusted!;
      this.host.emit({ type: 'metadata', key: 'warning', value: `The project has ${when.join(' or ')}, which the agent does not read, since nobody trusts its repository; some agents start no MCP servers there either. The project's trustRepository says otherwise.` });
    }
    if (model !== null && !this.outbox.state.model) this.host.emit({ type: 'metadata', key: 'model', value: `The agent offers no choice of models; ${short(model)} was not set.` });
  }
}
