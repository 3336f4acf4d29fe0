import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Project } from '@orbitmesh/domain';
import { Chance, eventually, faultSeed, freezeProcess, inFull, startStack, type TestStack } from '@orbitmesh/testing';
import { Load } from '../support/load.js';
import { Scenario } from '../support/scenario.js';
import { FAULT_TEST_MS, inFaultRun } from './how-often.js';

const SEED = faultSeed();
const RUNNER = 'provider-runner/slot-0';
const ALL = ['session-service', 'api-gateway', 'notifier', RUNNER, 'nats'] as const;
/** Kills of everything. */
const TOGETHER = Number(process.env.ORBITMESH_FAULT_TOGETHER ?? 15);
/** Between two faults of one test, ms: some fall into the start of what the last one ended. */
const PAUSE_MS_MAX = 400;

describe(`with writers and readers at work (seed ${SEED})`, () => {
  const chance = new Chance(SEED);
  let scenario: Scenario;
  let project: Project;

  beforeAll(async () => {
    scenario = await Scenario.start();
    project = await scenario.project();
  }, 90_000);
  afterAll(() => scenario.stop(), 60_000);

  it('SIGTERM to all five processes at once, and the same command 100 times at once meanwhile: nothing is lost, nothing is done twice', async () => {
    const load = await Load.on(scenario, project.id, { label: 'SIGTERM' });
    const same = hundredTimes();
    await pause();
    await everybody('SIGTERM');
    await same;
    await scenario.stack.waitReady();
    await load.goesOn();
    await load.settle();
  }, FAULT_TEST_MS);

  inFull('SIGTERM to each of them in turn: nothing is lost, nothing is done twice', async () => {
    const load = await Load.on(scenario, project.id, { label: 'SIGTERM each' });
    for (const service of chance.shuffle(ALL)) {
      await pause();
      await scenario.stack.kill(service, 'SIGTERM');
      await load.goesOn();
      await scenario.stack.waitReady();
    }
    await load.settle();
  }, FAULT_TEST_MS);

  inFull('the gateway killed five times mid-request, its clients retrying under their keys: each command is done once', async () => {
    const load = await Load.on(scenario, project.id, { label: 'Gateway', lanes: 16 });
    for (let n = 0; n < 5; n += 1) {
      await pause();
      await scenario.stack.kill('api-gateway');
      await load.goesOn();
    }
    await load.settle();
  }, FAULT_TEST_MS);

  inFull.each(['session-service', 'api-gateway', 'nats'])('the same command 100 times at once while %s is killed: one effect, one answer', async (service) => {
    const same = hundredTimes();
    await pause(50);
    await scenario.stack.kill(service);
    await same;
    await scenario.stack.waitReady();
  }, FAULT_TEST_MS);

  inFull('NATS frozen for 20 s: commands are refused at once as soon as that is noticed, and all go on when it thaws', async () => {
    const load = await Load.on(scenario, project.id, { label: 'Frozen' });
    const nats = (await scenario.stack.pids())['nats']!;
    await freezeProcess(nats);
    const frozen = performance.now();
    await eventually(async () => {
      const since = performance.now();
      const { status } = await scenario.api.request('POST', '/api/tasks', { body: { projectId: project.id, title: 'Refused' } });
      return status === 503 && performance.now() - since < 500;
    }, { what: 'a refusal at once', timeoutMs: 15_000 });
    await eventually(() => performance.now() - frozen > 20_000, { what: 'the end of it', timeoutMs: 25_000 });
    process.kill(nats, 'SIGCONT');
    await load.goesOn();
    const log = await load.settle();
    expect(log.filter(({ type, data }) => type === 'task:created' && (data as { title: string }).title === 'Refused')).toEqual([]);
  }, FAULT_TEST_MS);

  const pause = async (ms = PAUSE_MS_MAX): Promise<void> => {
    const [since, wait] = [performance.now(), chance.between(0, ms)];
    await eventually(() => performance.now() - since >= wait);
  };

  /** Whoever is being started again just then has no process to be signalled. */
  async function everybody(signal: NodeJS.Signals): Promise<void> {
    const pids = await scenario.stack.pids();
    for (const service of chance.shuffle(ALL)) {
      const pid = pids[service];
      if (pid) send(pid, signal);
    }
  }

  /** One command of a hundred clients, repeated by each until it is answered. */
  async function hundredTimes(): Promise<void> {
    const key = randomUUID();
    const body = { projectId: project.id, title: `The same ${key}` };
    const answers = await Promise.all(Array.from({ length: 100 }, () => eventually(async () => {
      const answer = await scenario.api.request('POST', '/api/tasks', { body, headers: { 'idempotency-key': key } });
      return answer.status === 201 ? JSON.stringify(answer.body) : null;
    }, { what: 'an answer', timeoutMs: 60_000 })));
    expect(new Set(answers).size).toBe(1);
    const tasks = await everyTask();
    expect(tasks.filter(({ title }) => title === body.title)).toHaveLength(1);
  }

  async function everyTask(): Promise<{ title: string }[]> {
    const all: { title: string }[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const path = `/api/tasks?projectId=${project.id}&limit=200${cursor && `&cursor=${encodeURIComponent(cursor)}`}`;
      const page: { items: { title: string }[]; nextCursor: string | null } = await eventually(() => scenario.api.get<typeof page>(path), { what: 'the tasks', timeoutMs: 60_000 });
      all.push(...page.items);
      cursor = page.nextCursor;
    }
    return all;
  }
});

inFaultRun(`all at once (seed ${SEED})`, () => {
  const chance = new Chance(SEED);
  let home: string;
  let scenario: Scenario;
  let stack: TestStack;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'om-home-'));
    scenario = await Scenario.start({ home });
    stack = scenario.stack;
  }, 90_000);
  afterAll(async () => {
    await stack.stop();
    await scenario.stop();
    await rm(home, { recursive: true, force: true });
  }, 60_000);

  it(`killed ${TOGETHER} times, the launcher with them, with writers and readers at work: nothing is lost, nothing is done twice, and all go on each time`, async () => {
    const load = await Load.on(scenario, (await scenario.project()).id, { label: 'All at once' });
    for (let n = 0; n < TOGETHER; n += 1) {
      const pids = [stack.launcher.pid, ...Object.values(await stack.pids())].filter((pid) => pid != null);
      for (const pid of chance.shuffle(pids)) send(pid, 'SIGKILL');
      await stack.killLauncher();
      // As the same one to its clients: a home keeps its port and its token.
      stack = await startStack({ home });
      await load.goesOn();
    }
    await load.settle();
  }, FAULT_TEST_MS);
});

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
