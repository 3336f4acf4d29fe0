/** A tiny agent over ACP that says so many tool calls a second, for so long: `talker.mjs <a second> <seconds> [burst]`. It begins when it is asked to: `talk` or `talk at <ms of the epoch>`. */
import { createInterface } from 'node:readline';

const [perSecond, seconds, burst = 0] = process.argv.slice(2).map(Number);
const TICK_MS = 20;
let talked = false;
const say = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const call = (n) => say({ method: 'session/update', params: { sessionId: 's', update: { sessionUpdate: 'tool_call', toolCallId: `c${n}`, title: `step ${n}`, kind: 'other', status: 'completed' } } });

/** Asked again, for a report, it has nothing to add. */
async function turn(id, prompt) {
  if (talked) return say({ id, result: { stopReason: 'end_turn' } });
  talked = true;
  const [, beginAt] = /talk at (\d+)/.exec(JSON.stringify(prompt)) ?? [];
  if (beginAt) await new Promise((resolve) => { setTimeout(resolve, Number(beginAt) - Date.now()); });
  let said = 0;
  for (; said < burst; said += 1) call(said);
  const since = performance.now();
  await new Promise((resolve) => {
    const timer = setInterval(() => {
      // Once for both: it may be held up between two looks at the clock, and would end with less than it had to say.
      const elapsed = performance.now() - since;
      const due = Math.min(elapsed, seconds * 1000) / 1000 * perSecond;
      for (; said < burst + due; said += 1) call(said);
      if (elapsed < seconds * 1000) return;
      clearInterval(timer);
      resolve();
    }, TICK_MS);
  });
  say({ id, result: { stopReason: 'end_turn' } });
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (method === 'initialize') say({ id, result: { protocolVersion: 1, agentCapabilities: {} } });
  else if (method === 'session/new') say({ id, result: { sessionId: 's' } });
  else if (method === 'session/prompt') void turn(id, params);
  else if (id !== undefined) say({ id, result: {} });
});
