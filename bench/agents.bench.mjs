/**
 * Real agents, many at once: 20 sessions of one agent on one runner, each with a turn that edits a file, against the
 * scripted model. Bare: the same program by itself, one after the other, with the same model and prompt.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ratio, summarise } from './measure.mjs';

const CHECKOUT = fileURLToPath(new URL('../', import.meta.url));
const SESSIONS = 20;
const BARE_RUNS = 3;
/** Twenty agents of three core-seconds each, with their turns, on two cores. */
const ALL_DONE_MS_MAX = 10 * 60_000;
const SAMPLE_MS = 1_000;
const MIB = 1024 * 1024;

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

async function call({ url, token }, method, path, body) {
  const res = await fetch(`${url}${path}`, { method, headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) }, body: body && JSON.stringify(body) });
  const text = await res.text();
  if (!res.ok) throw new Error(`${method} ${path}: ${res.status} ${text.slice(0, 300)}`);
  return JSON.parse(text);
}

/** Memory of every process that carries this session's mark, shared pages counted by their share; bytes. */
async function memoryOf(marks) {
  const sums = new Map(marks.map((mark) => [mark, 0]));
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const environ = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
    const mark = marks.find((one) => environ.includes(one));
    if (mark === undefined) continue;
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'latin1').catch(() => '');
    sums.set(mark, sums.get(mark) + Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) * 1024);
  }
  return [...sums.values()];
}

/** One turn of the program by itself. @returns ms from its start to its end */
async function bareRun({ command, env, args, cwd }) {
  const since = performance.now();
  const child = spawn(command[0], [...command.slice(1), ...args], { cwd, env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`the bare agent ended with ${code}`);
  return performance.now() - since;
}

async function manySessions(stack, provider, workingDir, prompt) {
  const project = await call(stack, 'POST', '/api/projects', { name: `bench ${provider}`, workingDir });
  const since = performance.now();
  const sessions = await Promise.all(Array.from({ length: SESSIONS }, (_, n) => call(stack, 'POST', '/api/sessions/spawn', {
    projectId: project.id, providerType: provider, permissionMode: 'allow', initialDirective: prompt(n),
  })));
  const marks = sessions.map(({ id }) => `ORBITMESH_SESSION_ID=${id}\0`);
  const most = marks.map(() => 0);
  for (let left = SESSIONS; left > 0; await pause(SAMPLE_MS)) {
    if (performance.now() - since > ALL_DONE_MS_MAX) throw new Error(`${left} of ${SESSIONS} sessions did not end`);
    (await memoryOf(marks)).forEach((bytes, n) => { most[n] = Math.max(most[n], bytes); });
    const { items } = await call(stack, 'GET', `/api/sessions?projectId=${project.id}&limit=200`);
    left = items.filter(({ outcome }) => outcome === null).length;
    const failed = items.find(({ status }) => status === 'failed');
    if (failed) throw new Error(`${failed.id} failed: ${JSON.stringify(failed.outcome)}`);
  }
  const wallMs = performance.now() - since;
  const ended = await Promise.all(sessions.map(({ id }) => call(stack, 'GET', `/api/sessions/${id}`)));
  const startMs = ended.map(({ run }) => Date.parse(run.startedAt) - Date.parse(run.placedAt));
  return { wallMs, startMs: summarise(startMs), memory: summarise(most.map((bytes) => bytes / MIB)) };
}

export async function agentsBench() {
  const { CLAUDE_CODE, claudeProviderEntry, installAgent, ModelStandIn, scenarioTag, startStack } = await import('@orbitmesh/testing');
  const standIn = await ModelStandIn.start();
  const workingDir = await mkdtemp(join(tmpdir(), 'orbitmesh-bench-agents-'));
  const home = await mkdtemp(join(tmpdir(), 'orbitmesh-bench-home-'));
  const script = await installAgent(CHECKOUT, CLAUDE_CODE);
  const entry = claudeProviderEntry({ script, standInUrl: standIn.url });
  const prompt = (n) => scenarioTag({ say: 'I write.', then: 'Written.', tools: [{ names: ['Write'], args: { file_path: join(workingDir, `file-${n}.txt`), content: 'bench\n' } }] });
  const rows = [];
  try {
    const bare = [];
    for (let n = 0; n < BARE_RUNS; n += 1) {
      const config = join(home, `bare-${n}`);
      await mkdir(config);
      const args = ['-p', prompt(`bare-${n}`), '--permission-mode', 'acceptEdits', '--output-format', 'stream-json', '--verbose'];
      bare.push(await bareRun({ command: entry.command, args, cwd: workingDir, env: { ...entry.env, HOME: config, CLAUDE_CONFIG_DIR: config, CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1' } }));
    }
    await writeFile(join(home, 'providers.json'), JSON.stringify({ claude: entry }), { mode: 0o600 });
    const stack = await startStack({ home, env: { ORBITMESH_RUNNER_CAPACITY: String(SESSIONS) } });
    try {
      const { wallMs, startMs, memory } = await manySessions(stack, 'claude', workingDir, prompt);
      const alone = summarise(bare).p50;
      const each = Math.round(wallMs / SESSIONS);
      rows.push(
        { what: `claude-code, ${SESSIONS} sessions at once, ms of the whole for each (bare: one by one)`, ours: each, bare: alone, ratio: ratio(each, alone) },
        { what: 'claude-code, from placed to running, ms p50 / max', ours: `${startMs.p50} / ${startMs.max}` },
        { what: 'claude-code, memory of a session with all it started, MiB p50 / max', ours: `${memory.p50} / ${memory.max}` },
      );
    } finally {
      await stack.stop().catch((error) => console.error('the stack did not stop cleanly:', error.message.split('\n')[0]));
    }
  } finally {
    await standIn.close();
    for (const path of [workingDir, home]) await rm(path, { recursive: true, force: true });
  }
  return rows;
}
