import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@orbitmesh/testing';
import { LOG_ID, type ScriptedSessionService } from '../testing/scripted-session-service.js';
import { TestGateway } from '../testing/test-gateway.js';
import { LiveClients } from './live-clients.js';

const CHECKOUT = fileURLToPath(new URL('../../../../', import.meta.url));
const PAGE = new URL('../../../../docs/how-to/follow-the-feed.md', import.meta.url);

let gateway: TestGateway;
let service: ScriptedSessionService;
let child: ChildProcess;
let lines: string[];
beforeEach(async () => {
  gateway = await TestGateway.start();
  service = gateway.service;
});
afterEach(async () => {
  child.kill('SIGKILL');
  await once(child, 'exit');
  await gateway.stop();
});

/** The page's program of that name, as somebody would copy it. */
async function run(begins: string, argument: string, around = { before: '', after: '' }): Promise<void> {
  const programs = [...(await readFile(PAGE, 'utf8')).matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code);
  const code = programs.find((program) => program.startsWith(begins));
  if (!code) throw new Error(`the page has no ${begins}`);
  lines = [];
  child = spawn(process.execPath, ['--input-type=module', '-e', `${around.before}${code}${around.after}`, '-', argument], {
    cwd: CHECKOUT, stdio: ['ignore', 'pipe', 'inherit'], env: { TOKEN: gateway.token, URL: `http://127.0.0.1:${gateway.port}`, AFTER: `${LOG_ID}.1` },
  });
  child.stdout?.on('data', (chunk: Buffer) => { lines.push(...chunk.toString().trim().split('\n')); });
}
const said = (line: string, times = 1) => eventually(() => lines.filter((one) => one.trim() === line).length >= times, { what: `"${line}", ${times} times; it said ${lines.join(' | ')}` });
/** Cuts everybody off, as a connection that breaks would. */
const cut = () => { for (const client of (gateway.app.get(LiveClients) as unknown as { clients: Set<{ terminate(): void }> }).clients) client.terminate(); };

describe('of docs/how-to/follow-the-feed.md', () => {
  it.each([['stream.mjs', 'sessionIds=s1', 'following', 'output s1'], ['socket.mjs', 's1', 'subscribed ok', 'output']])('%s shows each event once, also across a connection that breaks', async (name, argument, opened, event) => {
    service.commit([{ sessionId: 's1' }, { sessionId: 's1' }, { sessionId: 's2' }]);
    await run(`// ${name}.`, argument);
    await said(opened);
    await said(`2 ${event}`);
    cut();
    service.commit([{ sessionId: 's1' }]);
    await said(opened, 2);
    service.commit([{ sessionId: 's1' }]);
    await said(`5 ${event}`);

    expect(lines.filter((line) => line.includes(event)).map((line) => line.trim())).toEqual([2, 4, 5].map((seq) => `${seq} ${event}`));
  });

  it('stream.mjs is told when there is a gap', async () => {
    service.replaceLog('in_test-2', [{ sessionId: 's1' }]);
    await run('// stream.mjs.', '');

    await said('something may be missing: read again what you show');
  });

  it('a page comes in with a ticket', async () => {
    await run('const { ticket }', '', {
      before: "import { WebSocket } from 'ws';\nconst { URL: url, TOKEN: token } = process.env;\n",
      after: "socket.on('open', () => console.log(`open ${socket.protocol}`));\n",
    });

    await said('open orbitmesh.v1');
  });
});
