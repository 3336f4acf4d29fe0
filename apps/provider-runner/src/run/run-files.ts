import { join } from 'node:path';

/** Names of the files of a run's directory (design §2), with those the wrapper writes. */
export interface RunFiles {
  dir: string;
  record: string;
  /** Called `end.<cause>` once the run is to end and its record could not say so. */
  end: string;
  manifest: string;
  stdin: string;
  stdout: string;
  stderr: string;
  exit: string;
  agentPid: string;
  wrapperPid: string;
  holderPid: string;
  facts: string;
  bin: string;
  cli: string;
}

export function runFiles(dir: string): RunFiles {
  return {
    dir,
    record: join(dir, 'run.json'),
    end: join(dir, 'end'),
    manifest: join(dir, 'manifest.json'),
    stdin: join(dir, 'in'),
    stdout: join(dir, 'out'),
    stderr: join(dir, 'err'),
    exit: join(dir, 'exit'),
    agentPid: join(dir, 'pid'),
    wrapperPid: join(dir, 'wrapper'),
    holderPid: join(dir, 'hold'),
    facts: join(dir, 'facts'),
    bin: join(dir, 'bin'),
    cli: join(dir, 'bin', 'orbitmesh'),
  };
}
