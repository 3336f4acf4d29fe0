/** Many sessions: so many at once for so long, and so many from start to end in a row. Nothing may be lost, or left. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { each, footprint, LANES, pause, withWorld } from './world.mjs';

const OVER = new Set(['stopped', 'error']);

/** @param {{ sessions: number, runners: number, minutes: number }} size */
export async function sessionsAtOnce({ sessions, runners, minutes }) {
  const capacity = Math.ceil(sessions / runners) + 10;
  return withWorld({ runners, env: { ORBITMESH_RUNNER_CAPACITY: String(capacity) }, providers: { sleeper: { driver: 'process', command: ['/bin/sleep', '36000'] } } }, async (world) => {
    const { id: projectId } = await world.project();
    const states = new Map();
    const feed = await world.follow((event) => { if (event.type === 'status_change') states.set(event.sessionId, event.data.newState); });
    const running = () => [...states.values()].filter((state) => state === 'running').length;
    const since = performance.now();
    const ids = [];
    await each(sessions, LANES, async () => { ids.push((await world.call('POST', '/api/sessions/spawn', { projectId, providerType: 'sleeper', initialDirective: 'sleep' })).id); });
    await world.until(() => running() === sessions, `${sessions} running`, 10 * 60_000);
    const startedMs = performance.now() - since;
    const spread = (await world.call('GET', '/api/runners')).items.map(({ id, running: load }) => `${id}: ${load}`).join(', ');
    const before = await Promise.all((await world.services()).map(async ({ name, pid }) => ({ name, ...await footprint(pid) })));
    await pause(minutes * 60_000);
    const lost = sessions - running();
    const after = await Promise.all((await world.services()).map(async ({ name, pid }) => ({ name, ...await footprint(pid) })));
    await each(sessions, LANES, (n) => world.call('POST', `/api/sessions/${ids[n]}/kill`, { reason: 'the bench is over' }));
    await world.until(() => [...states.values()].every((state) => OVER.has(state)), 'all ended', 5 * 60_000);
    feed.close();
    return { sessions, runners, minutes, startedSeconds: Math.round(startedMs / 1000), spread, ended: lost, gaps: feed.seen.gaps, repeats: feed.seen.repeats, before, after };
  });
}

/** @param {{ lifecycles: number, runners: number }} size */
export async function lifecycles({ lifecycles: count, runners }) {
  return withWorld({ runners, env: { ORBITMESH_RUNNER_CAPACITY: '32' }, providers: { brief: { driver: 'process', command: ['/bin/true'] } } }, async (world) => {
    const { id: projectId } = await world.project();
    const outcomes = new Map();
    const waiting = new Map();
    const feed = await world.follow((event) => {
      if (event.type !== 'status_change' || !OVER.has(event.data.newState)) return;
      outcomes.set(event.sessionId, event.data.newState);
      waiting.get(event.sessionId)?.();
    });
    const one = async () => {
      const { id } = await world.call('POST', '/api/sessions/spawn', { projectId, providerType: 'brief', initialDirective: 'be brief' });
      if (!outcomes.has(id)) await new Promise((resolve) => waiting.set(id, resolve));
      waiting.delete(id);
    };
    await each(Math.min(200, count), LANES, one);
    const before = await Promise.all((await world.services()).map(async ({ name, pid }) => ({ name, ...await footprint(pid) })));
    const since = performance.now();
    await each(count, LANES, one);
    const seconds = (performance.now() - since) / 1000;
    await pause(3_000);
    const after = await Promise.all((await world.services()).map(async ({ name, pid }) => ({ name, ...await footprint(pid) })));
    const slots = await readdir(join(world.home, 'provider-runner'));
    const runsKept = (await Promise.all(slots.filter((name) => name.startsWith('slot-')).map((slot) => readdir(join(world.home, 'provider-runner', slot, 'runs'))))).map(({ length }) => length);
    const { processesNaming } = await import('@orbitmesh/testing');
    const agentsLeft = (await processesNaming(world.home)).filter(({ command }) => command.includes('/bin/true')).length;
    feed.close();
    return {
      lifecycles: count, runners, perSecond: Math.round(count / seconds * 10) / 10, failed: [...outcomes.values()].filter((state) => state !== 'stopped').length,
      gaps: feed.seen.gaps, repeats: feed.seen.repeats, agentsLeft, runsKept, before, after,
    };
  });
}
