import { spawn } from 'node:child_process';
import { fstatSync } from 'node:fs';

const STDOUT = 1;
/** Most commands are over before it would matter. */
const WATCH_AFTER_MS = 500;

/**
 * Calls `gone` about a second after whoever read our output through a pipe is gone, also when there is nothing to write: without it
 * `orbitmesh events -f | head -n 1` would stay until the feed's next event. Node cannot poll a pipe it only writes to, GNU tail
 * does; where there is no such tail the next write finds out (EPIPE). tail ends with us, whatever ends us.
 */
export function watchReader(gone: () => void): void {
  if (!fstatSync(STDOUT).isFIFO()) return;
  setTimeout(() => {
    const tail = spawn('tail', ['--follow', `--pid=${process.pid}`, '/dev/null'], { stdio: ['ignore', 'inherit', 'ignore'] });
    tail.on('error', () => undefined); // Not installed: see above.
    tail.on('exit', (_code, signal) => { if (signal === 'SIGPIPE') gone(); });
    tail.unref();
    // It holds our pipe: who reads it waits for both of us to end.
    process.on('exit', () => tail.kill());
  }, WATCH_AFTER_MS).unref();
}
