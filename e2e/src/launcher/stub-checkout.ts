import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const TOOLS = fileURLToPath(new URL('../../../tools/', import.meta.url));

/**
 * A service that keeps the launcher's protocol and nothing else, so that the launcher can be tested by itself. It writes
 * what happens to it into `<home>/journal`, and misbehaves as `<home>/<app>.fault` says, read at its start:
 * `die` (at once), `config` (refuses its configuration), `deaf` (does not stop when asked), `unready` (is there, but
 * answers 503 until the file is gone), `fragile` (dies when asked to stop, but not the next time), `doomed` (always does).
 * As a runner it starts slowly, leaves at once when it is asked before it is ready, and closes its run when it stops.
 */
const STUB = `
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
const app = import.meta.url.split('/').at(-3);
const home = process.env.ORBITMESH_HOME;
const tell = (what, more = {}) => appendFileSync(home + '/journal', JSON.stringify({ app, what, at: Date.now(), pid: process.pid, ...more }) + '\\n');
const faultFile = home + '/' + app + '.fault';
const fault = existsSync(faultFile) ? readFileSync(faultFile, 'utf8') : '';
process.on('disconnect', () => process.exit(1));
process.on('SIGINT', () => tell('SIGINT'));
tell('start', { port: process.env.ORBITMESH_PORT, umask: process.umask(), agentsUmask: process.env.ORBITMESH_USER_UMASK });
if (app === 'api-gateway') {
  mkdirSync(home + '/api-gateway', { recursive: true });
  writeFileSync(home + '/api-gateway/admin.token', 'token\\n', { mode: 0o600 });
  createServer((_request, answer) => answer.writeHead(existsSync(faultFile) ? 503 : 200).end()).listen(process.env.ORBITMESH_PORT, '127.0.0.1');
}
if (fault === 'die') process.exit(3);
if (fault === 'config') process.send({ type: 'failed', code: 'CONFIG_INVALID', message: 'ORBITMESH_ROOTS is wrong' }, () => process.exit(78));
let ready = false;
const serve = () => {
  ready = true;
  process.send({ type: 'ready' });
};
if (fault !== 'config') setTimeout(serve, app === 'provider-runner' ? 100 : 0);
const run = home + '/provider-runner/slot-0/runs/run_1/run.json';
process.on('message', (message) => {
  if (message.type !== 'shutdown' || fault === 'deaf') return;
  if (fault === 'fragile') rmSync(faultFile);
  if (fault === 'fragile' || fault === 'doomed') return process.kill(process.pid, 'SIGKILL');
  tell('stop', { keepAgents: message.keepAgents });
  if (app === 'provider-runner' && ready && !message.keepAgents && existsSync(run)) writeFileSync(run, '{"phase":"closed"}');
  process.exit(0);
});
console.log('hello from ' + app);
`;

export interface JournalEntry { app: string; what: string; at: number; pid: number; port?: string; umask?: number; agentsUmask?: string; keepAgents?: boolean }

/** A checkout whose services are stubs, with the real launcher over it. */
export class StubCheckout {
  private constructor(readonly root: string, readonly launcher: string) {}

  static async make(): Promise<StubCheckout> {
    const root = await mkdtemp(join(tmpdir(), 'om-stub-'));
    await writeFile(join(root, 'package.json'), '{"type":"module"}');
    for (const app of ['api-gateway', 'session-service', 'provider-runner', 'notifier']) {
      await mkdir(join(root, 'apps', app, 'dist'), { recursive: true });
      await writeFile(join(root, 'apps', app, 'dist', 'main.js'), STUB);
    }
    const launcher = join(root, 'launcher.mjs');
    await writeFile(launcher, [
      `import { readArguments, runStack } from '${TOOLS}lib/run-stack.mjs';`,
      `import { findNats } from '${TOOLS}lib/set-up.mjs';`,
      `const prepare = async () => ({ natsServer: await findNats() });`,
      `await runStack({ root: ${JSON.stringify(root)}, prepare, ...readArguments(process.argv.slice(2)) });`,
    ].join('\n'));
    return new StubCheckout(root, launcher);
  }

  async home(): Promise<string> {
    return mkdtemp(join(this.root, 'home-'));
  }

  async remove(): Promise<void> {
    await rm(this.root, { recursive: true, force: true, maxRetries: 3 });
  }
}

export async function journal(home: string): Promise<JournalEntry[]> {
  const text = await readFile(join(home, 'journal'), 'utf8');
  return text.trimEnd().split('\n').map((line) => JSON.parse(line) as JournalEntry);
}
