import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventEnvelope, Project, Task } from '@orbitmesh/domain';
import { Chance, eventually, processesNaming } from '@orbitmesh/testing';
import { Client } from './client.js';
import { pickFault, type Fault } from './faults.js';
import { FactEcho, GHOST } from './fact-echo.js';
import { Follower } from './follower.js';
import { auditHome, openFilesOf, placesOf, strayFiles, usageOf, type Usage } from './home-check.js';
import { Lane } from './lane.js';
import { Ledger, type Acknowledged } from './ledger.js';
import { AUDIT_EVERY_ROUNDS, COMMANDS_AFTER, COMMANDS_BEFORE, DESCRIPTORS_MORE_MAX, LANES, LOAD_MS_MAX, MEMORY_MORE_MIB_MAX, SETTLE_MS_MAX, VIOLATIONS_TOLD_MAX } from './limits.js';
import { Machine } from './machine.js';
import { compareWithFollower, compareWithLedger, RoundLog } from './round-log.js';
import { Work } from './work.js';

export interface HarnessOptions {
  seed: number;
  /** Names of the faults that may come. @default all */
  faults?: readonly string[];
  sessionsPerRound?: number;
  home?: string;
  launcher?: string;
  say?(line: string): void;
}

/** What one round measured. */
export interface Round {
  fault: string;
  /** Wall ms. */
  began: number;
  acknowledged: number;
  events: number;
  /** From the last blow until everything is ready again; null where nothing was taken away. */
  readyMs: number | null;
  /** From NATS taking connections to the first live event; null where NATS stayed. */
  liveMs: number | null;
}

/** A round broke a promise. The home and the ledger are kept, and the seed repeats the schedule. */
export class BrokenPromise extends Error {
  constructor(readonly violations: readonly string[], about: string) {
    const more = violations.length - VIOLATIONS_TOLD_MAX;
    super(`${about}\n${violations.slice(0, VIOLATIONS_TOLD_MAX).map((one) => `- ${one}`).join('\n')}${more > 0 ? `\n… and ${more} more` : ''}`);
    this.name = 'BrokenPromise';
  }
}

/**
 * Clients that write and follow, agents at work, and faults of a seeded schedule in real processes: after every round
 * the stack is held to what it told its clients (`docs/reliability.md`).
 */
export class Harness {
  readonly rounds: Round[] = [];
  private readonly log = new RoundLog();
  /** By pid, what each process used when it was first quiet. */
  private readonly firstUsages = new Map<number, Usage>();
  private broken = false;

  private constructor(
    private readonly options: HarnessOptions, private readonly chance: Chance, readonly machine: Machine, readonly ledger: Ledger,
    readonly client: Client, private readonly lanes: readonly Lane[], private readonly followers: readonly Follower[],
    private readonly echo: FactEcho, private readonly project: Project, private readonly dirs: readonly string[], private readonly canary: string,
  ) {}

  static async start(options: HarnessOptions): Promise<Harness> {
    const chance = new Chance(options.seed);
    const canary = `canary-${randomUUID()}`;
    const [workingDir, ledgerDir] = await Promise.all(['om-work-', 'om-ledger-'].map(async (name) => realpath(await mkdtemp(join(tmpdir(), name)))));
    const ledger = await Ledger.open(join(ledgerDir, 'ledger.ndjson'));
    const machine = await Machine.start({ canary, home: options.home, launcher: options.launcher });
    const client = new Client(machine.url, machine.token);
    const { body: project, cursor } = await client.insist<Project>('POST', '/api/projects', { body: { name: 'Harness', workingDir }, key: randomUUID() });
    const lanes = Array.from({ length: LANES }, (_, n) => new Lane(n, client, ledger, chance.fork(), project.id, `run ${options.seed}`));
    const stack = { url: machine.url, token: machine.token };
    const followers = [
      new Follower('a client of all', stack, ledger, cursor!), new Follower('a client that is cut off', stack, ledger, cursor!),
      new Follower('a client of tasks', stack, ledger, cursor!, ['task:*']),
    ];
    const { installationId } = JSON.parse(await readFile(join(machine.home, 'installation.json'), 'utf8')) as { installationId: string };
    const echo = await FactEcho.start(machine.stack, installationId, chance.fork());
    const harness = new Harness(options, chance, machine, ledger, client, lanes, followers, echo, project, [workingDir, ledgerDir], canary);
    harness.log.begin(cursor!);
    return harness;
  }

  /** @throws BrokenPromise */
  async round(faults = this.options.faults): Promise<Round> {
    const fault = pickFault(this.chance, faults);
    const number = this.rounds.length + 1;
    const about = `Round ${number} of seed ${this.options.seed} (${fault.name}); home ${this.machine.home}, ledger ${this.ledger.path}`;
    await this.ledger.note({ round: number, fault: fault.name });
    const { works, measured } = await this.strike(fault).catch((error: Error) => this.fail(about, [error.message]));
    const violations = await this.check(works, fault, measured).catch((error: Error) => [error.message]);
    if (violations.length > 0) this.fail(about, violations);
    this.rounds.push(measured);
    this.options.say?.(`${number}: ${fault.name}: ${measured.acknowledged} commands, ${measured.events} events${measured.readyMs === null ? '' : `, ready after ${Math.round(measured.readyMs)} ms`}`);
    return measured;
  }

  async stop(): Promise<void> {
    await Promise.allSettled([...this.followers.map((follower) => follower.stop()), this.echo.stop()]);
    await this.ledger.close();
    await this.machine.stop(this.broken);
    if (!this.broken) for (const dir of this.dirs) await rm(dir, { recursive: true, force: true });
  }

  get seed(): number {
    return this.options.seed;
  }

  /** What is left of a run that broke a promise. */
  get kept(): readonly string[] {
    return this.broken ? [this.machine.home, ...this.dirs] : [];
  }

  private fail(about: string, violations: readonly string[]): never {
    this.broken = true;
    throw new BrokenPromise(violations, about);
  }

  /** Load, the fault in the middle of it, load again until enough was acknowledged, and the end of the sessions. */
  private async strike(fault: Fault): Promise<{ works: Work[]; measured: Round }> {
    const { chance, ledger, client, machine } = this;
    const works = Array.from({ length: this.options.sessionsPerRound ?? 2 }, () => Work.any(chance, client, ledger, this.project.id, 'env:HARNESS_CANARY'));
    const before = ledger.acknowledged + chance.between(...COMMANDS_BEFORE);
    const cutAt = chance.next();
    const after = chance.between(...COMMANDS_AFTER);
    const moment = chance.fork();
    let stopping = false;
    let trouble: Error | null = null;
    const watched = (work: Promise<void>): Promise<void> => work.catch((error: Error) => {
      trouble ??= error;
      client.abandoned = true;
    });
    const load = Promise.all([...this.lanes.map((lane) => lane.run(() => stopping)), ...works.map((work) => work.spawn())].map(watched));
    const until = (holds: () => boolean, what: string): Promise<unknown> => eventually(() => trouble !== null || holds(), { what, timeoutMs: LOAD_MS_MAX });
    const measured: Round = { fault: fault.name, began: Date.now(), acknowledged: ledger.acknowledged, events: 0, readyMs: null, liveMs: null };
    const faulty = async (): Promise<void> => {
      await until(() => ledger.acknowledged >= before, 'commands before the fault');
      await Promise.all(works.map((work) => work.lookBefore()));
      if (cutAt < 0.5) this.followers[1].cut();
      const gone = await fault.strike(machine, moment);
      const back = fault.nats ? await machine.natsBack() : null;
      const readyMs = await machine.ready(gone);
      if (fault.kills) measured.readyMs = readyMs;
      if (back !== null) {
        await until(() => this.followers[0].firstAfter(back) !== null, 'a live event after NATS came back');
        measured.liveMs = this.followers[0].firstAfter(back)! - back;
      }
      const enough = ledger.acknowledged + after;
      await until(() => ledger.acknowledged >= enough, 'commands after the fault');
    };
    await watched(faulty());
    stopping = true;
    await load;
    if (!trouble) await Promise.all(works.map((work) => watched(work.end())));
    if (trouble) throw trouble as Error;
    measured.acknowledged = ledger.acknowledged - measured.acknowledged;
    return { works, measured };
  }

  private async check(works: readonly Work[], { harm }: Fault, measured: Round): Promise<string[]> {
    const found: string[] = this.lanes.flatMap((lane) => lane.violations.splice(0));
    const events = await this.newEvents(found);
    const acknowledged: Acknowledged[] = this.ledger.takeRound();
    measured.events = events.length;
    found.push(...compareWithLedger(events, acknowledged));
    for (const follower of this.followers) found.push(...compareWithFollower(events, follower));
    for (const work of works) found.push(...work.violations(events, harm));
    found.push(...this.echo.violations.splice(0));
    const text = JSON.stringify(events);
    if (text.includes(GHOST)) found.push('the feed tells what a ghost said');
    if (text.includes(this.canary)) found.push('the feed tells a secret');
    found.push(...await this.compareState(), ...await this.compareMachine(measured.began));
    return found;
  }

  /** The log's growth, once everybody has seen it. */
  private async newEvents(found: string[]): Promise<EventEnvelope[]> {
    const all: EventEnvelope[] = [];
    for (;;) {
      const events = await this.client.eventsAfter<EventEnvelope>(this.log.cursor).catch((error: Error) => {
        found.push(error.message);
        return [];
      });
      if (found.length > 0 || (all.length > 0 && events.length === 0)) return all;
      found.push(...this.log.add(events));
      all.push(...events);
      await eventually(() => this.followers.every((one) => one.reached(all.findLast((event) => one.matches(event))?.seq ?? 0)), { what: 'every client at the end of the log', timeoutMs: SETTLE_MS_MAX })
        .catch((error: Error) => found.push(`${error.message}: the log is at ${this.log.head}, ${this.followers.map(({ name, cursor }) => `${name} at ${cursor}`).join(', ')}`));
      if (found.length > 0) return all;
    }
  }

  /** What is answered now is what the log makes of it, and what the lanes were told. */
  private async compareState(): Promise<string[]> {
    const found: string[] = [];
    const told = new Map(this.lanes.flatMap(({ tasks }) => tasks).map((task) => [task.id, task]));
    const answered: Task[] = [];
    for (let cursor = ''; ;) {
      const page = await this.client.get<{ items: Task[]; nextCursor: string | null }>(`/api/tasks?projectId=${this.project.id}&limit=200${cursor}`);
      answered.push(...page.items);
      if (page.nextCursor === null) break;
      cursor = `&cursor=${page.nextCursor}`;
    }
    const json = (tasks: Iterable<Task>): string => JSON.stringify([...tasks].sort((a, b) => (a.id < b.id ? -1 : 1)).map((task) => [task.id, task.revision, task.title]));
    if (json(answered) !== json(told.values())) found.push(`the tasks are ${json(answered)}, and were acknowledged as ${json(told.values())}`);
    if (json(answered) !== json(this.log.tasks.values())) found.push(`the tasks are ${json(answered)}, and the log makes ${json(this.log.tasks.values())} of them`);
    return found;
  }

  /** Files, processes, memory, descriptors, secrets: once all is quiet. */
  private async compareMachine(began: number): Promise<string[]> {
    const { home, stack } = this.machine;
    const settled = async (what: () => Promise<string[]>): Promise<string[]> => {
      let last: string[] = [];
      await eventually(async () => { last = await what(); return last.length === 0; }, { timeoutMs: SETTLE_MS_MAX }).catch(() => undefined);
      return last;
    };
    const pids = await stack.pids();
    const ours = new Set([stack.launcher.pid, ...Object.values(pids)]);
    return [
      ...(this.auditIsDue ? await settled(async () => auditHome(home)) : []),
      ...(await settled(async () => strayFiles(home, began))).map((path) => `${path} was left`),
      ...(await settled(async () => (await processesNaming(home)).filter(({ pid }) => !ours.has(pid)).map(({ pid, command }) => `${pid} ${command}`))).map((one) => `left running: ${one}`),
      ...(await placesOf(this.canary, home, began)).map((path) => `${path} tells a secret`),
      ...await this.compareUsage({ ...pids, launcher: stack.launcher.pid! }),
    ];
  }

  /** A home with much in it takes seconds to read. */
  private get auditIsDue(): boolean {
    return this.options.home === undefined || this.rounds.length % AUDIT_EVERY_ROUNDS === 0;
  }

  private async compareUsage(pids: Record<string, number | null>): Promise<string[]> {
    const found: string[] = [];
    for (const [name, pid] of Object.entries(pids)) {
      const usage = pid === null ? null : await usageOf(pid);
      if (!usage) continue;
      const first = this.firstUsages.get(pid!) ?? usage;
      this.firstUsages.set(pid!, first);
      if (usage.descriptors > first.descriptors + DESCRIPTORS_MORE_MAX) found.push(`${name} has ${usage.descriptors} descriptors, and had ${first.descriptors}: ${await openFilesOf(pid!)}`);
      if (usage.memoryMiB > first.memoryMiB + MEMORY_MORE_MIB_MAX) found.push(`${name} has ${usage.memoryMiB} MiB, and had ${first.memoryMiB}`);
    }
    return found;
  }
}
