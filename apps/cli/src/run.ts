import { EXIT } from './exit-code.js';
import { runCli } from './cli.js';
import { watchReader } from './reader-gone.js';
import { closeFiles } from './umask.js';

closeFiles();

const interrupted = new AbortController();
const interrupt = () => {
  // A second Ctrl-C does not wait for anything.
  if (interrupted.signal.aborted) process.exit(EXIT.failure);
  interrupted.abort();
};
process.on('SIGINT', interrupt);
process.on('SIGTERM', interrupt);
// `orbitmesh events | head`: whoever read us has enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failure));
// An MCP server learns it from its stdin, and lives as long as its agent: no process is kept beside it.
if (process.argv[2] !== 'mcp') watchReader(() => process.exit(EXIT.ok));

const { stdin, stdout, stderr, env } = process;
void runCli(process.argv.slice(2), { env, cwd: process.cwd(), stdin, stdout, stderr, signal: interrupted.signal, interrupt }).then((code) => {
  process.exitCode = code;
  // A prompt that was withdrawn leaves the terminal being read, which would keep us here.
  stdin.unref?.();
});
