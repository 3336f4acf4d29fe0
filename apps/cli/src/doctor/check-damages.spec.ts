import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { TestHome } from '../testing/test-home.js';
import { checkDamages } from './check-damages.js';
import type { Patient } from './finding.js';

let home: TestHome;
beforeEach(async () => { home = await TestHome.make(); });
afterEach(() => home.remove());

const patient = (more: Partial<Patient> = {}): Patient => ({
  home: home.dir, env: { ORBITMESH_HOME: home.dir }, launcher: { pid: 1 } as Patient['launcher'], stack: { ready: true } as Patient['stack'],
  tools: null, fix: false, whole: false, summary: new Map(), told: new Set(), ...more,
});
const damage = (n: number) => ({ service: 'notifier', file: `notifier/${n}.json`, reason: 'was missing; made again from the log', at: '2026-01-01T00:00:00.000Z' });

it('names what services at work found and no file shows, the newest of many, and what was told already not again', async () => {
  home.api.on('GET /api/system/damages', [200, { items: Array.from({ length: 25 }, (_, n) => damage(n)), nextCursor: null }]);

  const found = await checkDamages(patient({ told: new Set(['notifier/24.json', 'notifier/3.json']) }));
  const whole = await checkDamages(patient({ whole: true }));

  expect(found[0]).toEqual({ file: 'notifier/4.json', level: 'note', text: 'was missing; made again from the log (found 2026-01-01T00:00:00.000Z)' });
  expect([found.length, found[19].file, found[20].text]).toEqual([21, 'notifier/23.json', expect.stringContaining('Of 3 more')]);
  expect(found.map(({ advice }) => advice?.length ?? 0)).toEqual([...Array<number>(20).fill(0), 1]);
  expect(whole).toHaveLength(25);
});

it('asks nobody of a home that does not run, and hides nothing else where nobody answers', async () => {
  expect(await checkDamages(patient({ launcher: null }))).toEqual([]);
  home.api.on('GET /api/system/damages', [503, { code: 'UNAVAILABLE', detail: 'No.' }]);
  expect(await checkDamages(patient())).toEqual([]);
});
