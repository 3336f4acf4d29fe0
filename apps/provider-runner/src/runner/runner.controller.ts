import { AnyRunnerRpc, RunnerRpc, type Accepted, type RpcRequest } from '@orbitmesh/contracts';
import { AppError, type Capabilities } from '@orbitmesh/domain';
import type { DriverSession } from '../run/driver-session.js';
import type { RunEnvironment } from '../run/run-environment.js';
import { resolveWorkingDir } from '../run/working-dir.js';
import type { RunnerService } from './runner.service.js';

const ACCEPTED: Accepted = { accepted: true };

/** Puts the runner on the wire. Everything answers "accepted"; what came of it goes up as facts. */
export function serveRunner(env: RunEnvironment, runner: RunnerService): void {
  const { bus, runnerId } = env;
  const serve: typeof bus.serve = (rpc, handler) => bus.serve(rpc, handler, { runnerId });

  serve(RunnerRpc.start, async (request, { traceId }) => {
    await runner.start({ ...request, traceId });
    return ACCEPTED;
  });
  serve(RunnerRpc.stop, (command) => {
    runner.find(command).stop(command.reason);
    return ACCEPTED;
  });
  serve(RunnerRpc.kill, (command) => {
    runner.find(command).kill(command.reason);
    return ACCEPTED;
  });
  serve(RunnerRpc.pause, async (command) => {
    const session = able(runner.find(command).live(), (can) => can.pause !== 'none', 'pause');
    await session.pause();
    return ACCEPTED;
  });
  serve(RunnerRpc.resume, async (command) => {
    const session = able(runner.find(command).live(), (can) => can.pause !== 'none', 'resume');
    await session.resume();
    return ACCEPTED;
  });
  serve(RunnerRpc.interrupt, async (command) => {
    await able(runner.find(command).live(), (can) => can.interrupt, 'interrupt').interrupt();
    return ACCEPTED;
  });
  serve(RunnerRpc.input, async (command) => {
    const { inputId, text, steer } = command;
    const session = able(runner.find(command).live(), (can) => can.input && (can.steer || !steer), steer ? 'take input into a turn that runs' : 'take input');
    await session.input({ inputId, text, ...(steer && { steer }) });
    return ACCEPTED;
  });
  serve(RunnerRpc.answerApproval, async (command) => {
    const { approvalId, optionId, reason } = command;
    const session = able(runner.find(command).live(), (can) => can.approvals, 'answer approvals');
    await session.answerApproval({ approvalId, optionId, ...(reason === undefined ? {} : { reason }) });
    return ACCEPTED;
  });
  serve(RunnerRpc.status, (command) => runner.find(command).status());
  const look = ({ path, roots }: RpcRequest<typeof RunnerRpc.resolveDirectory>): { realPath: string } => ({ realPath: resolveWorkingDir(path, roots, env.home, env.ownRoots) });
  serve(RunnerRpc.resolveDirectory, look);
  bus.serve(AnyRunnerRpc.resolveDirectory, look);
}

/** @throws NOT_SUPPORTED */
function able(session: DriverSession, can: (capabilities: Capabilities) => boolean, what: string): DriverSession {
  if (!can(session.capabilities)) throw new AppError('NOT_SUPPORTED', `This agent cannot ${what}.`);
  return session;
}
