/** What more runners and more gateways bring on this machine: sessions a second from spawn to end, and reads a second. */
import autocannon from 'autocannon';
import { each, LANES, withWorld } from './world.mjs';

const OVER = new Set(['stopped', 'error']);
const BRIEF = { brief: { driver: 'process', command: ['/bin/true'] } };

/** @returns sessions a second, from spawn to end */
export function withRunners(runners, count) {
  return withWorld({ runners, env: { ORBITMESH_RUNNER_CAPACITY: '16' }, providers: BRIEF }, async (world) => {
    const { id: projectId } = await world.project();
    let over = 0;
    const feed = await world.follow((event) => { if (event.type === 'status_change' && OVER.has(event.data.newState)) over += 1; });
    const since = performance.now();
    await each(count, LANES, () => world.call('POST', '/api/sessions/spawn', { projectId, providerType: 'brief', initialDirective: 'be brief' }));
    await world.until(() => over >= count, 'all ended', 10 * 60_000);
    feed.close();
    return Math.round(count / (performance.now() - since) * 1e4) / 10;
  });
}

/** @returns reads and durable creates a second, over all gateways together */
export function withGateways(gateways, seconds) {
  return withWorld({ gateways, providers: BRIEF }, async (world) => {
    const { id: projectId } = await world.project();
    const headers = { authorization: `Bearer ${world.token}`, 'content-type': 'application/json' };
    const { id } = await world.call('POST', '/api/tasks', { projectId, title: 'read' });
    const rate = async (of) => {
      const results = await Promise.all(world.urls.map((url) => autocannon({ connections: Math.round(32 / world.urls.length), duration: seconds, ...of(url), headers })));
      return Math.round(results.reduce((sum, result) => sum + result['2xx'] / result.duration, 0));
    };
    const reads = await rate((url) => ({ url: `${url}/api/tasks/${id}` }));
    const creates = await rate((url) => ({ url: `${url}/api/tasks`, method: 'POST', body: JSON.stringify({ projectId, title: 'made' }) }));
    return { reads, creates };
  });
}

/** Bars, as an SVG of their own: no library, no script, readable on a light and on a dark page. */
export function barsOf(title, bars) {
  const [width, row, left] = [640, 28, 230];
  const most = Math.max(...bars.map(({ value }) => value));
  const lines = bars.map(({ label, value }, n) => {
    const y = 48 + n * row;
    const long = Math.round(value / most * (width - left - 80));
    return `<text x="${left - 8}" y="${y + 15}" text-anchor="end">${label}</text><rect x="${left}" y="${y}" width="${long}" height="20" fill="#4a7ebb"/><text x="${left + long + 6}" y="${y + 15}">${value.toLocaleString('en')}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${60 + bars.length * row}" font-family="sans-serif" font-size="13" fill="#777"><text x="12" y="26" font-size="15">${title}</text>${lines.join('')}</svg>\n`;
}
