import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@orbitmesh/domain';
import type { ProcessExit } from '../drivers/driver.js';
import { DirectoryWatch } from '../files/directory-watch.js';
import { AGENT_NICENESS, AGENT_PID_TIMEOUT_MS, EXIT_FILE_WAIT_MS } from '../limits.js';
import { identify, type ProcessIdentity, type ProcessTable } from '../process/process-table.js';
import type { RunProcesses } from '../process/run-processes.js';
import { launchWrapper, type WrapperLaunch } from '../process/wrapper.js';
import type { RunFiles } from './run-files.js';
import type { RunLog } from './run-log.js';

/** Between two looks for the exit file: beside the watch, which does not see that a wrapper was killed; and where there is no watch. */
const EXIT_POLL_MS = { watched: 500, unwatched: 100 } as const;

/** The output files, the file whose name can say an end, and the run's own `bin/orbitmesh`, all for their owner alone. */
export function prepareFiles(files: RunFiles, cliEntry: string): void {
  for (const path of [files.stdout, files.stderr]) closeSync(openSync(path, 'a', 0o600));
  writeFileSync(files.end, '', { mode: 0o600 });
  mkdirSync(files.bin, { mode: 0o700 });
  writeFileSync(files.cli, `#!/bin/sh\nexec '${shellQuoted(process.execPath)}' '${shellQuoted(cliEntry)}' "$@"\n`, { mode: 0o700, flag: 'wx' });
  chmodSync(files.cli, 0o700);
}

/** For use between single quotes. */
function shellQuoted(text: string): string {
  return text.replaceAll("'", `'\\''`);
}

/** An agent with its wrapper: how it is started or found again, closed, and seen to end. */
export class AgentProcess {
  private watching: DirectoryWatch | undefined;
  private timer: NodeJS.Timeout | undefined;
  private goneSince: number | undefined;
  private readonly listeners = new Set<(file: string) => void>();
  private settle!: (exit: ProcessExit) => void;
  /** Resolves once the agent itself has ended; children of it may still be there. */
  readonly exited: Promise<ProcessExit> = new Promise((resolve) => { this.settle = resolve; });
  exit: ProcessExit | undefined;

  constructor(
    private readonly files: RunFiles,
    private readonly table: ProcessTable,
    readonly processes: RunProcesses,
    readonly wrapper: ProcessIdentity,
    readonly pid: number,
    private readonly log: RunLog,
  ) {
    processes.know({ wrapper, agentPid: pid, holderPid: this.holderPid() });
    // Found again by a later runner it may have ended, and its number be somebody else's.
    if (table.find(pid)?.ppid === wrapper.pid) giveWay(pid);
    this.follow();
  }

  /** Starts the wrapper. @throws CONFIG_INVALID when the system refuses */
  static async launch(launch: WrapperLaunch, table: ProcessTable): Promise<ProcessIdentity> {
    const pid = await launchWrapper(launch);
    // Gone already: whatever it wrote down is in its files, and no pid can be mistaken for it.
    return identify(table, pid) ?? gone(table, pid);
  }

  /**
   * A wrapper that its runner did not live to record: by its own word, checked by the run's marker. One that
   * is gone by now counts too when it had got as far as the agent: what came of that is in its files.
   */
  static findUnrecorded(files: RunFiles, table: ProcessTable, runId: string): ProcessIdentity | undefined {
    const pid = readNumber(files.wrapperPid);
    if (pid === undefined) return undefined;
    if (table.scan().markedBy(runId).some((entry) => entry.pid === pid)) return identify(table, pid);
    const mayBeIt = !table.seesEnvironment && table.find(pid) !== undefined;
    return mayBeIt ? undefined : AgentProcess.gone(files, table);
  }

  /** The wrapper of an agent that is known to be none any more: no process is ever taken for it. */
  static gone(files: RunFiles, table: ProcessTable): ProcessIdentity | undefined {
    const pid = readNumber(files.wrapperPid);
    return pid === undefined || !AgentProcess.wasExecuted(files) ? undefined : gone(table, pid);
  }

  static wasExecuted(files: RunFiles): boolean {
    return readNumber(files.agentPid) !== undefined;
  }

  /** Waits until the agent's pid is known. @throws TIMEOUT when the wrapper did not get that far */
  static async attach(files: RunFiles, table: ProcessTable, processes: RunProcesses, wrapper: ProcessIdentity, log: RunLog): Promise<AgentProcess> {
    processes.know({ wrapper });
    for (const deadline = performance.now() + AGENT_PID_TIMEOUT_MS; performance.now() < deadline; await delay(5)) {
      // Asked first: one that ended at once wrote its pid before that.
      const isOver = readNumber(files.exit) !== undefined || !processes.wrapperAlive();
      const pid = readNumber(files.agentPid);
      if (pid !== undefined) return new AgentProcess(files, table, processes, wrapper, pid, log);
      if (isOver) break;
    }
    throw new AppError('TIMEOUT', `The agent was not executed: ${readTail(files.stderr)}`);
  }

  /** Called with the name of a file of the run that may have changed. */
  onFile(listener: (file: string) => void): void {
    this.listeners.add(listener);
  }

  /** The agent sees the end of its stdin. */
  dropWriteEnd(): void {
    const pid = this.holderPid();
    if (pid === undefined || this.table.find(pid)?.ppid !== this.wrapper.pid || !this.processes.wrapperAlive()) return;
    try {
      process.kill(pid, 'SIGUSR1');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  close(): void {
    clearInterval(this.timer);
    this.watching?.close();
  }

  private holderPid(): number | undefined {
    return readNumber(this.files.holderPid);
  }

  private follow(): void {
    this.watching = new DirectoryWatch({
      dir: this.files.dir,
      onFile: (name) => {
        if (name === basename(this.files.exit)) this.look();
        for (const listener of this.listeners) listener(name);
      },
      onWatched: (watched) => this.lookEvery(watched ? EXIT_POLL_MS.watched : EXIT_POLL_MS.unwatched),
    });
    this.look();
  }

  private lookEvery(ms: number): void {
    clearInterval(this.timer);
    if (!this.exit) this.timer = setInterval(() => this.look(), ms);
  }

  private look(): void {
    try {
      this.lookOnce();
    } catch (error) {
      // Out of file descriptors, say: nothing is concluded from not being able to look.
      this.log('error', 'an agent cannot be watched', { err: error });
    }
  }

  private lookOnce(): void {
    if (this.exit) return;
    // Asked first: there is none nearly always, and an error for it is most of what a look costs.
    const code = existsSync(this.files.exit) ? readNumber(this.files.exit) : undefined;
    if (code !== undefined) this.ended({ exitCode: code, signal: signalName(code) });
    else if (this.goneSince === undefined && !this.processes.wrapperAlive()) {
      this.goneSince = performance.now();
      this.lookEvery(EXIT_POLL_MS.unwatched);
    }
    // Killed together with the agent: nobody could write down how it ended.
    if (this.goneSince !== undefined && performance.now() - this.goneSince > EXIT_FILE_WAIT_MS) this.ended({ exitCode: null, signal: null });
  }

  private ended(exit: ProcessExit): void {
    if (this.exit) return;
    this.exit = exit;
    clearInterval(this.timer);
    this.settle(exit);
  }
}

/**
 * Who watches over agents must be able to, however much they compute. The agent leads a session of its own, and where Linux groups
 * processes by session the niceness of one process says nothing beside those of another, only that of its group does.
 */
function giveWay(pid: number): void {
  try {
    setPriority(pid, AGENT_NICENESS);
    if (process.platform === 'linux') writeFileSync(`/proc/${pid}/autogroup`, String(AGENT_NICENESS));
  } catch {
    // It has ended, or is niced already; or groups are not made, or were changed a moment ago. It only computes as others do.
  }
}

/** No process is ever taken for it. */
function gone({ bootId }: ProcessTable, pid: number): ProcessIdentity {
  return { pid, startTime: 'gone', bootId };
}

const SIGNALS: Record<number, string> = {
  1: 'SIGHUP', 2: 'SIGINT', 3: 'SIGQUIT', 4: 'SIGILL', 6: 'SIGABRT', 8: 'SIGFPE', 9: 'SIGKILL', 11: 'SIGSEGV', 13: 'SIGPIPE', 14: 'SIGALRM', 15: 'SIGTERM',
};

/** A shell says 128 + n for signal n; a program that exits with such a code on purpose cannot be told from it. */
function signalName(code: number): string | null {
  return code > 128 ? SIGNALS[code - 128] ?? null : null;
}

/** Of a line that is whole: it may be only just being written. */
function readNumber(path: string): number | undefined {
  try {
    const [, digits] = /^(\d{1,15}) *\n/.exec(readFileSync(path, 'utf8')) ?? [];
    return digits === undefined ? undefined : Number(digits);
  } catch (error) {
    // There is none, or an agent has put something else in the place of its run.
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

function readTail(path: string): string {
  return readFileSync(path, 'utf8').slice(-500).trim() || 'no reason was given';
}
