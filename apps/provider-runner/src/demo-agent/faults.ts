import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { AgentContext } from './agent-context.js';
import { ESCAPED_LIFE_MS, FLOOD_CHUNK_BYTES } from './limits.js';
import type { Turn } from './turn.js';

/** Everything `custom.demo` does to a turn before its work; `crash` and `hang` do not come back. */
export async function actScriptedFaults(context: AgentContext, turn: Turn): Promise<void> {
  const { options } = context;
  if (options.escape) await turn.say(`escaped child ${await startEscapedChild()}\n`);
  for (let step = 1; step <= options.steps; step += 1) {
    await turn.think(`step ${step}/${options.steps}\n`);
    await delay(options.delayMs, undefined, { signal: turn.signal });
  }
  for (let line = 1; line <= options.numbered; line += 1) {
    turn.signal.throwIfAborted();
    await turn.say(`numbered ${line}/${options.numbered}\n`);
    if (options.delayMs) await delay(options.delayMs, undefined, { signal: turn.signal });
  }
  if (options.flood) await flood(turn, options.flood * 1024 * 1024);
  if (options.crash) await crash(options.crash);
  if (options.hang) await new Promise(() => {});
}

async function flood(turn: Turn, bytes: number): Promise<void> {
  const line = `${'flood '.repeat(20).trim()}\n`;
  const chunk = line.repeat(Math.floor(FLOOD_CHUNK_BYTES / line.length));
  for (let sent = 0; sent < bytes; sent += chunk.length) {
    turn.signal.throwIfAborted();
    await turn.say(chunk);
  }
}

/** An exit that no handler can soften, or a signal to itself. */
async function crash(how: true | string): Promise<never> {
  if (typeof how === 'string') {
    process.kill(process.pid, how as NodeJS.Signals);
    await delay(1_000);
  }
  process.exit(1);
}

/**
 * A child in a session of its own whose parent is gone: neither the process group nor the process tree
 * leads to it, only the marker in its environment does. It ends by itself after `ESCAPED_LIFE_MS`.
 */
function startEscapedChild(): Promise<number> {
  const grandchild = `process.on('SIGTERM',()=>{});process.on('SIGHUP',()=>{});setTimeout(()=>{},${ESCAPED_LIFE_MS})`;
  const parent = `const c=require('child_process').spawn(process.execPath,['-e',${JSON.stringify(grandchild)}],{detached:true,stdio:'ignore'});c.unref();process.stdout.write(String(c.pid))`;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['-e', parent], { stdio: ['ignore', 'pipe', 'ignore'], detached: true });
    let pid = '';
    child.stdout.setEncoding('utf8').on('data', (piece: string) => { pid += piece; });
    child.once('error', reject);
    child.once('close', () => (pid ? resolve(Number(pid)) : reject(new Error('the escaping child did not start'))));
  });
}
