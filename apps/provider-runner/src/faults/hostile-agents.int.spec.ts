import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RunnerRpc, type StartRun } from '@orbitmesh/contracts';
import type { OutcomeCode, RunFact } from '@orbitmesh/domain';
import { eventually, LONG } from '@orbitmesh/testing';
import { RunnerWorld } from '@orbitmesh/testing/provider-conformance';
import { RUNNER_MAIN } from '../testing/runner-main.js';
import { sessionOf, type Asked } from '../testing/session-of.js';

const AGENT = fileURLToPath(new URL('../../dist/testing/hostile/hostile-agent.js', import.meta.url));
const MIB = 1024 * 1024;
const LINE_BYTES = (LONG ? 100 : 20) * MIB;
/** Of the runner, whatever its agents do (issue: Bad input). */
const GROWTH_BYTES_MAX = 100 * MIB;
/** Between two words of a session beside: a machine of two cores runs everything else meanwhile. */
const SILENCE_MS_MAX = 4_000;
const WAIT_MS = LONG ? 120_000 : 60_000;

interface Row {
  behaviour: string;
  /** Asked of it once this is there; else it ends by itself. */
  stopAt?: (facts: Facts) => unknown;
  outcome: OutcomeCode;
  because: RegExp;
  /** @default { left: 0 } of its last fact */
  ended?: object;
  /** What else must have been said. */
  also?: (facts: Facts) => void;
  /** Where a driver knows it better. */
  otherwise?: Record<string, Partial<Row>>;
}

class Facts {
  constructor(readonly all: RunFact[]) {}
  of<T extends RunFact['type']>(type: T): Extract<RunFact, { type: T }>[] {
    return this.all.filter((fact): fact is Extract<RunFact, { type: T }> => fact.type === type);
  }
  get said(): string {
    return this.of('output').map(({ content }) => content).join('');
  }
  get unparsed(): string[] {
    return this.of('metadata').filter(({ key }) => key === 'unparsed').map(({ value }) => value);
  }
}

const isThere = (facts: Facts) => facts.said.includes('still there');
const isIdle = (facts: Facts) => isThere(facts) && facts.of('turn_ended').length > 0;
const works = (facts: Facts) => facts.said.includes('working');

/** What an agent of any protocol with turns does wrong, and what comes of it. */
const TURNS: Row[] = [
  {
    behaviour: 'exits-before-anything', outcome: 'agent_exit', because: /exit code 7/,
    otherwise: { 'claude-code': { outcome: 'start_failed', because: /ended before it was ready/, ended: { type: 'start_failed' } } },
  },
  { behaviour: 'writes-what-is-no-utf-8', stopAt: isIdle, outcome: 'finished', because: /./, also: (facts) => expect(facts.said).toMatch(/^before\uFFFD.*after\nstill there/) },
  { behaviour: 'ends-in-half-a-frame', outcome: 'agent_exit', because: /in the middle of a turn/, also: (facts) => { expect(facts.unparsed).toHaveLength(1); expect(facts.said).toBe(''); } },
  { behaviour: 'writes-what-is-no-frame', stopAt: isIdle, outcome: 'finished', because: /./, also: (facts) => expect(facts.unparsed.length).toBeGreaterThan(5) },
  { behaviour: 'asks-for-an-unknown-tool', stopAt: isIdle, outcome: 'finished', because: /./, also: (facts) => expect(JSON.stringify(facts.of('approval_requested'))).toContain('nobody-knows-this') },
  { behaviour: 'asks-without-saying-what', stopAt: isIdle, outcome: 'finished', because: /./ },
  { behaviour: 'ends-its-turn-twice', stopAt: isIdle, outcome: 'finished', because: /./, also: (facts) => expect(facts.of('turn_ended')).toHaveLength(1) },
  { behaviour: 'leaves-without-a-result', outcome: 'agent_exit', because: /in the middle of a turn/ },
  { behaviour: 'falls-silent', stopAt: works, outcome: 'stopped_by_user', because: /test/ },
  { behaviour: 'ignores-being-cancelled', stopAt: works, outcome: 'stopped_by_user', because: /test/, also: (facts) => expect(facts.of('run_ended')[0].signal).toBe('SIGKILL') },
  { behaviour: 'forks-and-leaves', outcome: 'finished', because: /exit code 0/ },
  { behaviour: 'dies-in-the-middle-of-a-tool', outcome: 'agent_crash', because: /SIGKILL/ },
];
/** And a program of which nobody knows what it does. */
const PLAIN: Row[] = [
  { behaviour: 'exits-before-anything', outcome: 'agent_exit', because: /exit code 7/ },
  { behaviour: 'writes-what-is-no-utf-8', stopAt: isThere, outcome: 'stopped_by_user', because: /test/, also: (facts) => expect(facts.said).toMatch(/^before\uFFFD.*after\nstill there/) },
  { behaviour: 'ends-in-half-a-frame', outcome: 'finished', because: /exit code 0/, also: (facts) => expect(facts.said).toBe('never') },
  { behaviour: 'falls-silent', stopAt: works, outcome: 'stopped_by_user', because: /test/ },
  { behaviour: 'ignores-being-cancelled', stopAt: works, outcome: 'stopped_by_user', because: /test/ },
  { behaviour: 'forks-and-leaves', outcome: 'finished', because: /exit code 0/ },
  { behaviour: 'dies-in-the-middle-of-a-tool', outcome: 'agent_crash', because: /SIGKILL/ },
];
const ACTOR = { kind: 'admin' } as const;

const ROWS: (Row & { driver: string })[] = [
  ...['acp', 'claude-code', 'codex'].flatMap((driver) => TURNS.map((row) => ({ driver, ...row, ...row.otherwise?.[driver] }))),
  ...PLAIN.map((row) => ({ driver: 'process', ...row })),
];
const DRIVERS = [...new Set(ROWS.map(({ driver }) => driver))];
const nameOf = (driver: string, behaviour: string): string => `${driver}-${behaviour}`;

/** Memory and what is left of an agent are seen through /proc. */
const onLinux = process.platform === 'linux' ? describe : describe.skip;

onLinux('an agent that', () => {
  let world: RunnerWorld;
  let beside: StartRun;
  let grownByAll: number;
  const ends = new Map<Row, Promise<{ run: StartRun; asked: Asked[] }>>();

  const factsOf = ({ runId }: StartRun): Facts => new Facts((world.session.facts.get(runId) ?? []).map(({ fact }) => fact));
  const command = ({ sessionId, runId, epoch }: StartRun, rpc: typeof RunnerRpc.stop) => world.session.bus.request(rpc, { sessionId, runId, epoch, reason: 'test' }, { runnerId: 'slot-0' });
  const size = (field: 'VmRSS' | 'VmHWM'): number => Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${world.runnerPid}/status`, 'utf8'))![1]) * 1024;

  /** By how much the runner's memory (RSS) was larger meanwhile than before, at most. */
  async function growth(work: () => Promise<unknown>): Promise<number> {
    // proc(5): forgets the highest so far.
    writeFileSync(`/proc/${world.runnerPid}/clear_refs`, '5');
    const before = size('VmRSS');
    await work();
    return size('VmHWM') - before;
  }

  beforeAll(async () => {
    world = await RunnerWorld.create(RUNNER_MAIN);
    const agent = (driver: string, behaviour: string, ...more: string[]) => ({ [nameOf(driver, behaviour)]: { driver, command: [process.execPath, AGENT, driver, behaviour, ...more] } });
    world.providers({
      beside: { driver: 'process', command: ['/bin/sh', '-c', 'n=0; while :; do n=$((n+1)); echo "tick $n"; sleep 0.1; done'] },
      ...Object.assign({}, ...ROWS.map(({ driver, behaviour }) => agent(driver, behaviour)), ...DRIVERS.flatMap((driver) => [
        agent(driver, 'hangs-in-its-greeting'), agent(driver, 'prints-one-long-line', String(LINE_BYTES)),
      ])),
    });
    await world.startRunner({ ORBITMESH_RUNNER_CAPACITY: '100' });
    beside = await world.start('beside');
    await eventually(() => factsOf(beside).said.includes('tick 5'));
    // One after the other, and then all of them at once: each is looked at by itself below.
    grownByAll = await growth(async () => {
      for (const row of ROWS) {
        const run = await world.start(nameOf(row.driver, row.behaviour));
        ends.set(row, end(run, row).then((asked) => ({ run, asked })));
        await eventually(() => factsOf(run).all.length > 0, { what: `a word of ${run.manifest.provider.type}`, timeoutMs: WAIT_MS });
      }
      await Promise.all(ends.values());
    });
  }, 2 * WAIT_MS);
  afterAll(() => world?.close());

  /** Says yes to what it asks, stops it where it is to be stopped, and waits for its end. @returns what was asked of it, and when */
  async function end(run: StartRun, { stopAt }: Pick<Row, 'stopAt'>): Promise<Asked[]> {
    const asked: Asked[] = [];
    const after = (): number => factsOf(run).all.length;
    const answers = async (): Promise<void> => {
      const { sessionId, runId, epoch } = run;
      for (const { approvalId, options: [{ optionId }] } of factsOf(run).of('approval_requested').slice(asked.length)) {
        asked.push({ after: after(), command: { type: 'answer_approval', approvalId, optionId, actor: ACTOR } });
        await world.session.bus.request(RunnerRpc.answerApproval, { sessionId, runId, epoch, approvalId, optionId }, { runnerId: 'slot-0' });
      }
    };
    if (stopAt) {
      await eventually(async () => { await answers(); return stopAt(factsOf(run)); }, { what: `${run.manifest.provider.type} at work`, timeoutMs: WAIT_MS });
      asked.push({ after: after(), command: { type: 'stop', reason: 'test', actor: ACTOR } });
      await command(run, RunnerRpc.stop);
    }
    await world.ended(run.runId, WAIT_MS);
    return asked;
  }

  it.each(ROWS.map((row) => ({ row, ...row })))('$behaviour ($driver) ends as $outcome, and says why', async ({ row }) => {
    const { run, asked } = await ends.get(row)!;

    const session = sessionOf(run, world.session.facts.get(run.runId)!, asked);
    expect(session.outcome).toMatchObject({ code: row.outcome, message: expect.stringMatching(row.because) });
    expect(session.approvals.filter(({ state }) => state === 'open')).toEqual([]);
    row.also?.(factsOf(run));
    expect(world.session.ended(run.runId)).toMatchObject(row.ended ?? { left: 0 });
    expect(await world.left(run.runId)).toEqual([]);
  });

  // All at once: each of them takes the whole time that a start may take.
  it('hangs in its greeting can be killed, or ends as start_timeout', () => Promise.all(DRIVERS.map(async (driver) => {
    const run = await world.start(nameOf(driver, 'hangs-in-its-greeting'));
    await eventually(async () => (await world.left(run.runId)).length > 2);
    if (!LONG || driver === 'process') await command(run, RunnerRpc.kill);
    const end = await world.ended(run.runId, WAIT_MS);

    expect(end).toMatchObject(LONG && driver !== 'process' ? { type: 'start_failed', code: 'start_timeout' } : { type: 'run_ended', cause: 'killed', left: 0 });
    expect(await world.left(run.runId)).toEqual([]);
  })), WAIT_MS);

  it.each(DRIVERS)(`prints ${LINE_BYTES / MIB} MiB on one line (%s) goes on with the next`, async (driver) => {
    const run = await world.start(nameOf(driver, 'prints-one-long-line'));
    const grown = await growth(() => end(run, { stopAt: isThere }));

    expect(grown).toBeLessThan(GROWTH_BYTES_MAX);
    expect(await world.left(run.runId)).toEqual([]);
  }, WAIT_MS);

  it('costs the runner less than 100 MB, all of them together', () => {
    expect(grownByAll).toBeLessThan(GROWTH_BYTES_MAX);
  });

  it('is not felt by a session beside, whose output kept coming, whole', async () => {
    const numbered = world.session.facts.get(beside.runId)!;
    const times = numbered.map(({ at }) => Date.parse(at));
    expect(Math.max(...times.slice(1).map((time, n) => time - times[n]))).toBeLessThan(SILENCE_MS_MAX);
    await command(beside, RunnerRpc.kill);
    await world.ended(beside.runId);

    const ticks = factsOf(beside).said.match(/tick \d+/g)!;
    expect(ticks).toEqual(ticks.map((_, n) => `tick ${n + 1}`));
  });
});
