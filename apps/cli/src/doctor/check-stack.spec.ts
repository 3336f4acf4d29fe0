import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { LauncherTools } from '../checkout.js';
import { TestHome } from '../testing/test-home.js';
import { checkStack } from './check-stack.js';
import type { Patient } from './finding.js';

let home: TestHome;
beforeEach(async () => { home = await TestHome.make(); });
afterEach(() => home.remove());

it('tells what services say although they serve, but not what they send people to the doctor for', async () => {
  const patient: Patient = {
    home: home.dir, env: { ORBITMESH_HOME: home.dir }, launcher: { pid: 1 } as Patient['launcher'], stack: { ready: true } as Patient['stack'],
    tools: { isSuspended: () => false } as unknown as LauncherTools, fix: false, whole: false, summary: new Map(), told: new Set(),
  };
  home.api.on('GET /health/ready', [200, {
    ready: true, checks: { sessionService: true }, problems: { sessionService: "sessions' events take 9 of 1 MiB", notifier: '1 file was damaged: orbitmesh doctor tells which.' },
  }]);

  expect(await checkStack(patient)).toEqual([{ file: null, level: 'note', text: "session-service says: sessions' events take 9 of 1 MiB." }]);
});
