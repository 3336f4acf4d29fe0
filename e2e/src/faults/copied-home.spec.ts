import { execFileSync } from 'node:child_process';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { SessionView } from '@orbitmesh/domain';
import { eventually, processesNaming, startStack, type TestStack } from '@orbitmesh/testing';
import { Api } from '../support/api.js';
import { countedLines, pageAll } from '../support/feed.js';
import { Scenario } from '../support/scenario.js';
import { FAULT_TEST_MS, inFaultRun } from './how-often.js';

const LINES = 400;

/** A run belongs to its directory, whatever that is called (ADR-0023): the copy has the very name its original began under. */
inFaultRun('a home that was moved with its agents at work, and a copy of it in its place', () => {
  let dir: string;
  let scenario: Scenario;
  let id: string;
  let runId: string;
  let copied: TestStack | undefined;
  const [home, moved] = ['home', 'moved'].map((name) => () => join(dir, name));

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'om-copied-'));
    scenario = await Scenario.start({ home: home(), args: ['--keep-agents'] });
    const project = await scenario.project();
    ({ id } = await scenario.spawn(project.id, { custom: { demo: { numbered: LINES, delayMs: 100, noReport: true } } }));
    ({ runId } = (await scenario.running(id)).run!);
    await scenario.stack.interrupt();
    await rename(home(), moved());
    // With its FIFOs and sockets.
    execFileSync('cp', ['-a', moved(), home()]);
  }, 90_000);
  afterEach(async () => {
    for (const stack of [copied, scenario.stack]) await stack?.stop();
    copied = undefined;
    await scenario.stop();
    await rm(dir, { recursive: true, force: true });
  }, 60_000);

  it('are two: the agent works on for the original, and was a crash in the copy', async () => {
    const agents = (await processesNaming(runId)).map(({ pid }) => pid).sort();
    expect(agents.length).toBeGreaterThan(0);
    await scenario.restart({ home: moved() });
    copied = await startStack({ home: home() });

    const api = new Api(copied.url, copied.token);
    const inCopy = await eventually(async () => {
      const session = await api.get<SessionView>(`/api/sessions/${id}`);
      return session.outcome && session;
    }, { what: 'the end in the copy', timeoutMs: 30_000 });
    expect(inCopy).toMatchObject({ outcome: { code: 'agent_crash' } });
    expect((await processesNaming(runId)).map(({ pid }) => pid).sort()).toEqual(agents);

    // The copy's own end takes nothing along either, nor does the next start, to which it is a run that has ended.
    await copied.interrupt();
    copied = await startStack({ home: home() });
    await copied.interrupt();
    expect((await processesNaming(runId)).map(({ pid }) => pid).sort()).toEqual(agents);
    expect(await scenario.ended(id, 90_000)).toMatchObject({ outcome: { code: 'finished' } });
    expect(countedLines(await pageAll((path) => scenario.api.get(path)), id)).toEqual(Array.from({ length: LINES }, (_none, index) => index + 1));
  }, FAULT_TEST_MS);
});
