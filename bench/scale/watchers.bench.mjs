/** Many who follow the feed: frames a second, how late they are, what they cost, and what becomes of them after a cut. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { each, footprint, LANES, pause, withWorld } from './world.mjs';

/** What a client that never reads is sent until its socket and the kernel's buffers are full. */
const HISTORY = { tasks: 1_000, bytes: 8 * 1024 };
const CLIENTS = fileURLToPath(new URL('./watchers.mjs', import.meta.url));

/** @param {{ clients: number, framesPerSecond: number, seconds: number, silent: number, silentSeconds: number }} size `silent`: clients beside them that never read, for so long */
export async function watchers({ clients, framesPerSecond, seconds, silent, silentSeconds }) {
  return withWorld({ env: { ORBITMESH_LOG_LEVEL: 'warn' }, providers: {} }, async (world) => {
    const { id: projectId } = await world.project();
    const before = await world.follow(() => undefined);
    before.close();
    if (silent > 0) await each(HISTORY.tasks, LANES, (n) => world.call('POST', '/api/tasks', { projectId, title: `of before ${n}`, description: 'x'.repeat(HISTORY.bytes) }));
    const child = fork(CLIENTS, { serialization: 'advanced' });
    const ask = async (message) => {
      child.send(message);
      const [answer] = await once(child, 'message');
      if (answer.error) throw new Error(answer.error);
      return answer;
    };
    try {
      await ask({ type: 'open', url: world.stack.url, token: world.token, clients });
      const gateway = (await world.services()).find(({ name }) => name === 'api-gateway').pid;
      const perSecond = Math.max(1, Math.round(framesPerSecond / clients));
      const steady = await load(world, projectId, perSecond, seconds, () => ask({ type: 'report' }));
      const { rssMiB } = await footprint(gateway);
      // What happens meanwhile is what they have to catch up with.
      await ask({ type: 'cut' });
      await load(world, projectId, perSecond, 5, async () => undefined);
      const caught = await ask({ type: 'back' });
      await ask({ type: 'silent', clients: silent, after: before.cursor });
      const beside = silent === 0 ? null : await load(world, projectId, perSecond, silentSeconds, () => ask({ type: 'report' }));
      const cut = silent === 0 ? null : await ask({ type: 'silentReport' });
      return { clients, steady, gatewayMiB: rssMiB, caught, silent, beside, cut, gatewayMiBAtEnd: (await footprint(gateway)).rssMiB };
    } finally {
      child.disconnect();
      await once(child, 'exit');
    }
  });
}

/** Creates so many tasks a second: each is one frame to everybody. */
async function load(world, projectId, perSecond, seconds, report) {
  const since = performance.now();
  const inFlight = new Set();
  for (let made = 0; performance.now() - since < seconds * 1000;) {
    const due = Math.floor((performance.now() - since) / 1000 * perSecond);
    for (; made < due; made += 1) {
      const one = world.call('POST', '/api/tasks', { projectId, title: `at ${Date.now()}` }).finally(() => inFlight.delete(one));
      inFlight.add(one);
    }
    await pause(10);
  }
  await Promise.all(inFlight);
  await pause(1_000);
  return report();
}
