import type { RunnerLabels } from '@orbitmesh/domain';
import { isInside } from '../session/working-dir.js';
import { RANKS, reasonOf, type Obstacle, type Waiting } from './reasons.js';
import type { Waiter } from './waiter.js';

/** One connected runner. What it has room for shrinks as a round goes on. */
export interface RunnerRoom {
  runnerId: string;
  labels: RunnerLabels;
  draining: boolean;
  /** Why it can start nothing now. */
  problem: string | null;
  /** What it says of the providers it knows. */
  providers: ReadonlyMap<string, { installed: boolean; detail: string | null }>;
  /** Those that it has not looked at yet. */
  unlooked: readonly string[];
  /** The directories it has; null: it has to be asked. */
  roots: readonly string[] | null;
  capacity: number;
  /** Sessions that it has, or was given. */
  load: number;
  /** How many more agents it may begin to start. */
  starts: number;
}

/** `directory`: what it said about a directory that it cannot work in. */
export interface Refusal { runnerId: string; directory: string | null }

export interface FleetState {
  rooms: readonly RunnerRoom[];
  /** Runners that may be back at any moment. */
  silent: number;
  /** What runners refused of a session, for now. */
  refusalsOf(sessionId: string): readonly Refusal[];
  /** How many sessions of a project have a runner, and how many may; null: as many as come. */
  projectLoad(projectId: string): { running: number; max: number | null };
}

interface Hindrance { obstacle: Obstacle; detail: string | null }
/** For all that ask for the same: the runners that could take it if they had room; and what hinders the best of the others. */
interface Candidates {
  rooms: readonly RunnerRoom[];
  hindrance: Hindrance;
  /** Of the others, one may be able to take it in a moment. */
  passing: boolean;
  /** None of them has room any more, and none will in this round. */
  taken?: Hindrance;
}

/** What can be taken at one moment, by whom. Pure but for what was taken from it. */
export class Fleet {
  private readonly candidates = new Map<string, Candidates>();
  private readonly projects = new Map<string, { running: number; max: number | null }>();
  private readonly roots: ReadonlySet<string>;
  /** Rooms by their runner's id, and by each of its labels. */
  private readonly found = new Map<string, RunnerRoom[]>();

  constructor(private readonly state: FleetState) {
    this.roots = new Set(state.rooms.flatMap(({ roots }) => roots ?? []));
    for (const room of state.rooms) {
      for (const key of [room.runnerId, ...Object.entries(room.labels).map(labelKey)]) this.found.set(key, [...this.found.get(key) ?? [], room]);
    }
  }

  /** The runner with the smallest share of its capacity taken, of those that can take it now; or why none can. */
  choose(waiter: Waiter): RunnerRoom | Waiting {
    const project = this.project(waiter.projectId);
    if (project.max !== null && project.running >= project.max) return { reason: `its project runs ${project.running} of ${project.max}` };
    const candidates = this.candidatesFor(waiter);
    const refusals = this.state.refusalsOf(waiter.id);
    if (refusals.length === 0 && candidates.taken) return this.waiting(waiter, candidates.taken, candidates);
    let best: RunnerRoom | null = null;
    let { hindrance } = candidates;
    for (const room of candidates.rooms) {
      const hindered = whatHinders(room, refusals);
      if (hindered) hindrance = further(hindrance, hindered);
      else if (best === null || room.load * best.capacity < best.load * room.capacity) best = room;
    }
    if (best) return best;
    if (refusals.length === 0) candidates.taken = hindrance;
    return this.waiting(waiter, hindrance, candidates);
  }

  /** From now on the place is the session's. */
  take({ projectId }: Waiter, room: RunnerRoom): void {
    room.load += 1;
    room.starts -= 1;
    this.project(projectId).running += 1;
  }

  private candidatesFor(waiter: Waiter): Candidates {
    const key = `${waiter.kind}${this.roots.size === 0 ? '' : rootsAbove(waiter.workingDir, this.roots).join('\n')}`;
    let candidates = this.candidates.get(key);
    if (!candidates) {
      const rooms: RunnerRoom[] = [];
      let passing = false;
      const inQuestion = this.inQuestion(waiter);
      let hindrance = waiter.keeper === null && inQuestion.length < this.state.rooms.length ? HINDRANCES.unlabelled : HINDRANCES.away;
      for (const room of inQuestion) {
        const hindered = whatIsMissing(waiter, room);
        if (hindered) hindrance = further(hindrance, hindered);
        else rooms.push(room);
        passing ||= hindered?.obstacle === 'impaired';
      }
      this.candidates.set(key, candidates = { rooms, hindrance, passing });
    }
    return candidates;
  }

  /** The one that has its conversation, those with its first label, or all: nobody looks at thousands of rooms for each of thousands. */
  private inQuestion({ keeper, labels }: Waiter): readonly RunnerRoom[] {
    if (keeper === null && labels.length === 0) return this.state.rooms;
    return this.found.get(keeper ?? labelKey(labels[0])) ?? [];
  }

  private waiting(waiter: Waiter, { obstacle, detail }: Hindrance, { passing }: Candidates): Waiting {
    return {
      reason: reasonOf(obstacle, waiter, detail),
      ...(obstacle === 'starting' && { soon: true }),
      ...(obstacle === 'unseen' && this.state.silent === 0 && !passing && { never: true }),
    };
  }

  private project(projectId: string): { running: number; max: number | null } {
    let project = this.projects.get(projectId);
    if (!project) this.projects.set(projectId, project = { ...this.state.projectLoad(projectId) });
    return project;
  }
}

const further = (a: Hindrance, b: Hindrance): Hindrance => (RANKS[b.obstacle] > RANKS[a.obstacle] ? b : a);
const HINDRANCES = Object.fromEntries(Object.keys(RANKS).map((obstacle) => [obstacle, { obstacle, detail: null }])) as Record<Obstacle, Hindrance>;

/** Why it is no runner for it, however much room it has. In the order of `OBSTACLES`. */
function whatIsMissing(waiter: Waiter, room: RunnerRoom): Hindrance | null {
  for (const [name, value] of waiter.labels) if (room.labels[name] !== value) return HINDRANCES.unlabelled;
  if (room.draining) return HINDRANCES.draining;
  const provider = room.providers.get(waiter.providerType);
  if (!provider) return HINDRANCES.unknown;
  if (!provider.installed) return { obstacle: room.unlooked.includes(waiter.providerType) ? 'impaired' : 'missing', detail: provider.detail };
  if (room.problem !== null) return { obstacle: 'impaired', detail: room.problem };
  return room.roots === null || room.roots.some((root) => isInside(waiter.workingDir, root)) ? null : HINDRANCES.elsewhere;
}

function whatHinders(room: RunnerRoom, refusals: readonly Refusal[]): Hindrance | null {
  const refusal = refusals.find(({ runnerId }) => runnerId === room.runnerId);
  if (refusal) return refusal.directory === null ? HINDRANCES.refused : { obstacle: 'unseen', detail: refusal.directory };
  if (room.load >= room.capacity) return HINDRANCES.full;
  return room.starts <= 0 ? HINDRANCES.starting : null;
}

/** No id has such a sign in it. */
const labelKey = ([name, value]: readonly [string, string]): string => `${name}=${value}`;

/** Those of the roots that it is in: all that ask for a runner with the same ones ask for the same. */
function rootsAbove(path: string, roots: ReadonlySet<string>): string[] {
  const above: string[] = [];
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
    const ancestor = path.slice(0, end);
    if (roots.has(ancestor)) above.push(ancestor);
  }
  if (roots.has('/')) above.push('/');
  return above;
}
