/** What agents say: so many events a second from so many of them, delivered whole; and one that floods beside others. */
import { fileURLToPath } from 'node:url';
import { summarise } from '../measure.mjs';
import { each, LANES, pause, processorSeconds, withWorld } from './world.mjs';

const TALKER = fileURLToPath(new URL('./talker.mjs', import.meta.url));
const talker = (perSecond, seconds, burst = 0) => ({ driver: 'acp', command: [process.execPath, TALKER, perSecond, seconds, burst].map(String), custom: { orbitmeshMcp: false } });
/** All of them are there by then, so that what is measured is output and not starts. */
const START_MS = { each: 500, least: 5_000 };
const [WARM_MS, BASE_MS] = [15_000, 10_000];
const spawnOf = (world, projectId) => (providerType, initialDirective = 'talk') => world.call('POST', '/api/sessions/spawn', { projectId, providerType, permissionMode: 'allow', initialDirective });

/** @param {{ agents: number, perSecond: number, seconds: number, runners: number }} size `perSecond` of all agents together */
export async function output({ agents, perSecond, seconds, runners }) {
  const providers = { talker: talker(perSecond / agents, seconds) };
  return withWorld({ runners, env: { ORBITMESH_RUNNER_CAPACITY: String(agents) }, providers }, async (world) => {
    const { id: projectId } = await world.project();
    const said = new Map();
    const lags = [];
    let [first, last] = [0, 0];
    const running = new Set();
    const feed = await world.follow((event, at) => {
      if (event.type === 'status_change' && event.data.newState === 'running') running.add(event.sessionId);
      if (event.type !== 'tool_call') return;
      first ||= at;
      last = at;
      said.set(event.sessionId, (said.get(event.sessionId) ?? 0) + 1);
      lags.push(Date.now() - Date.parse(event.timestamp));
    });
    const beginAt = Date.now() + START_MS.least + agents * START_MS.each;
    await each(agents, LANES, () => spawnOf(world, projectId)('talker', `talk at ${beginAt}`));
    await world.until(() => running.size === agents, `${agents} running`);
    if (Date.now() > beginAt) throw new Error('some began before all were there');
    await pause(beginAt - Date.now());
    const pids = await world.services();
    const cpuBefore = await Promise.all(pids.map(({ pid }) => processorSeconds(pid)));
    const expected = Math.floor(perSecond / agents * seconds) * agents;
    const total = () => [...said.values()].reduce((sum, count) => sum + count, 0);
    await world.until(() => total() >= expected, `${expected} events`, (seconds + 60) * 1000).catch(async (error) => {
      const { items } = await world.call('GET', '/api/sessions?limit=200');
      const short = items.filter(({ id }) => (said.get(id) ?? 0) < expected / agents).map(({ id, state, runnerId, end }) => ({ id, said: said.get(id), state, runnerId, end }));
      throw new Error(`${error.message}: ${total()}; the feed: ${JSON.stringify(feed.seen)}; ${JSON.stringify(short)}`);
    });
    const cpu = await Promise.all(pids.map(async ({ name, pid }, n) => `${name} ${Math.round((await processorSeconds(pid) - cpuBefore[n]) / (last - first) * 1e5)} %`));
    feed.close();
    const { p50, p99, max } = summarise(lags);
    return { agents, runners, events: total(), expected, perSecond: Math.round(total() / (last - first) * 1000), gaps: feed.seen.gaps, repeats: feed.seen.repeats, lagMs: { p50, p99, max }, processors: cpu.join(', ') };
  });
}

/** One agent says `burst` things at once while others go on: how long the others' take, before and meanwhile. */
export async function flood({ burst, others, runners }) {
  const providers = { steady: talker(10, 60), flooder: talker(0, 1, burst) };
  return withWorld({ runners, env: { ORBITMESH_RUNNER_CAPACITY: '64' }, providers }, async (world) => {
    const { id: projectId } = await world.project();
    const spawn = spawnOf(world, projectId);
    const steady = new Set();
    const lags = { base: [], flood: [] };
    let phase = 'none';
    let flooded = 0;
    let flooder;
    const feed = await world.follow((event) => {
      if (event.type !== 'tool_call') return;
      if (event.sessionId === flooder) flooded += 1;
      else if (phase !== 'none' && steady.has(event.sessionId)) lags[phase].push(Date.now() - Date.parse(event.timestamp));
    });
    // It is there before the base is measured, and only begins to talk after it: a start costs others too, and is not what is asked here.
    const beginAt = Date.now() + WARM_MS + BASE_MS;
    ({ id: flooder } = await spawn('flooder', `talk at ${beginAt}`));
    await each(others, LANES, async () => { steady.add((await spawn('steady')).id); });
    await pause(beginAt - BASE_MS - Date.now());
    phase = 'base';
    await pause(beginAt - Date.now());
    phase = 'flood';
    const since = performance.now();
    await world.until(() => flooded >= burst, 'the flood', 120_000);
    const floodMs = performance.now() - since;
    phase = 'none';
    feed.close();
    return { burst, others, floodSeconds: Math.round(floodMs / 100) / 10, base: summarise(lags.base), flood: summarise(lags.flood), gaps: feed.seen.gaps, repeats: feed.seen.repeats };
  });
}
