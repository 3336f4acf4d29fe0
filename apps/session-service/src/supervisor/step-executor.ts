import { Inject, Injectable } from '@nestjs/common';
import { AppError, type Manifest, type Project, type Session, type SessionCommand } from '@orbitmesh/domain';
import { RunnerRpc, type RunCommand, type StartRun } from '@orbitmesh/contracts';
import { LOGGER, type Logger } from '@orbitmesh/service-kit';
import { Store, type View } from '@orbitmesh/storage';
import { Commands } from '../commands/commands.js';
import { Clock } from '../kernel/clock.js';
import { REFUSAL_MS, START_TTL_MS } from '../limits.js';
import { RunnerCalls } from '../runner/runner-calls.js';
import { RunnerRegistry } from '../runner/runner-registry.js';
import { AgentTokens } from '../session/agent-token.js';
import { changeSession } from '../session/session-change.js';
import { SessionServiceConfig } from '../session-service.config.js';
import { COLLECTIONS } from '../store/collections.js';
import { manifestOf } from '../store/documents.js';
import type { RunnerMessage, Step } from './next-steps.js';

/** Does one step. Returns false when it came to nothing and the session should rest until the step's interval is over. */
@Injectable()
export class StepExecutor {
  constructor(
    @Inject(Store) private readonly store: Store,
    @Inject(Commands) private readonly commands: Commands,
    @Inject(RunnerCalls) private readonly runners: RunnerCalls,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(RunnerRegistry) private readonly registry: RunnerRegistry,
    @Inject(AgentTokens) private readonly tokens: AgentTokens,
    @Inject(SessionServiceConfig) private readonly config: SessionServiceConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async execute(session: Session, step: Step): Promise<boolean> {
    if (step.type === 'send') return this.send(session, step.message);
    return this.command(session.id, commandOf(session, step));
  }

  /** What the domain refuses is no longer wanted: the session went on in the meantime. */
  private async command(sessionId: string, command: SessionCommand): Promise<boolean> {
    try {
      const changed = await this.commands.apply((tx) => {
        const session = tx.view.get<Session>(COLLECTIONS.sessions, sessionId);
        if (!session) return { result: false };
        const result = changeSession(tx, session, command);
        return { ...result.change, result: result.changed };
      });
      if (changed && command.type !== 'wait') this.logger.info({ sessionId, command: command.type }, 'session supervised');
      return changed;
    } catch (error) {
      if (!(error instanceof AppError) || error.retryable) throw error;
      this.logger.debug({ sessionId, command: command.type, code: error.code }, 'step no longer wanted');
      return false;
    }
  }

  private async send(session: Session, message: RunnerMessage): Promise<boolean> {
    const { runId, runnerId, epoch } = session.run!;
    const run: RunCommand = { sessionId: session.id, runId, epoch };
    try {
      await this.request(session, run, message, runnerId);
      return true;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      this.logger.debug({ sessionId: session.id, runId, runnerId, message: message.to, code: error.code, traceId: session.traceId }, 'runner did not take a message');
      if (!error.retryable) await this.refused(session, message, error);
      return false;
    }
  }

  private request(session: Session, run: RunCommand, message: RunnerMessage, to: string): Promise<unknown> {
    const { runners } = this;
    const { traceId } = session;
    switch (message.to) {
      case 'start': return runners.request(to, RunnerRpc.start, this.startOf(session, run), traceId);
      case 'stop':
      case 'kill': return runners.request(to, RunnerRpc[message.to], { ...run, reason: message.reason }, traceId);
      case 'pause':
      case 'interrupt':
      case 'resume': return runners.request(to, RunnerRpc[message.to], run, traceId);
      case 'input': return runners.request(to, RunnerRpc.input, { ...run, inputId: message.inputId, text: message.text, ...(message.steer && { steer: true }) }, traceId);
      case 'answerApproval': {
        const { approvalId, optionId, reason } = message;
        return runners.request(to, RunnerRpc.answerApproval, { ...run, approvalId, optionId, ...(reason !== undefined && { reason }) }, traceId);
      }
    }
  }

  private startOf(session: Session, run: RunCommand): StartRun {
    const view: View = this.store.durable;
    const project = view.get<Project>(COLLECTIONS.projects, session.projectId);
    if (!project) throw new AppError('CONFIG_INVALID', 'Its project is damaged or missing: orbitmesh doctor says what can be done.');
    return {
      ...run, ttlMs: START_TTL_MS, manifest: this.manifestOf(session), manifestHash: session.manifestHash,
      token: this.tokens.mint(session), apiUrl: this.config.apiUrl, roots: [project.workingDir, ...this.config.roots],
      // A session of an earlier version did not know.
      conversationId: session.conversationId ?? session.continues ?? session.id,
      ...(session.continues !== null && session.agentSessionId !== null && { continueAgentSessionId: session.agentSessionId }),
    };
  }

  private manifestOf({ id }: Session): Manifest {
    try {
      return manifestOf(this.store.durable, id, this.store);
    } catch (error) {
      // Nothing that another attempt would find otherwise.
      if (error instanceof AppError && error.code === 'NOT_FOUND') throw new AppError('CONFIG_INVALID', error.message);
      throw error;
    }
  }

  private async refused(session: Session, message: RunnerMessage, error: AppError): Promise<void> {
    const { id, run } = session;
    if (message.to === 'start' && error.code === 'CONFIG_INVALID') {
      await this.command(id, { type: 'end', outcome: 'config_invalid', message: error.message });
    } else if (message.to === 'start') {
      this.logger.warn({ sessionId: id, runnerId: run!.runnerId, code: error.code, traceId: session.traceId }, 'runner refused a start');
      const directory = error.code === 'WORKING_DIR_INVALID' ? error.message : null;
      this.registry.refused(id, { runnerId: run!.runnerId, directory, until: this.clock.monotonic() + REFUSAL_MS });
    } else if (message.to === 'pause' && error.code === 'NOT_SUPPORTED') {
      await this.command(id, { type: 'resume', reason: 'the driver cannot pause', actor: { kind: 'system' } });
    } else if (message.to === 'input' && error.code === 'NOT_SUPPORTED') {
      await this.command(id, { type: 'refuse_input', inputId: message.inputId, reason: error.message });
    }
  }
}

function commandOf(session: Session, step: Exclude<Step, { type: 'send' }>): SessionCommand {
  switch (step.type) {
    case 'wait': return { type: 'wait', reason: step.reason };
    case 'expire_approvals': return { type: 'expire_approvals' };
    case 'deliver_mail': return { type: 'deliver_mail' };
    case 'runner_lost': return { type: 'runner_lost', runId: session.run!.runId, message: step.message };
    case 'end': return { type: 'end', outcome: step.outcome, message: step.message, kill: step.kill };
  }
}
