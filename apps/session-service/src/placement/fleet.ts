import type { RunnerLabels } from '@orbitmesh/domain';
import { OBSTACLES, reasonOf, type Obstacle, type Waiting } from './reasons.js';
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
  rooms: RunnerRoom[];
  /** Runners that may be back at any moment. */
  silent: number;
  /** What runners refused of a session, for now. */
  refusalsOf(sessionId: string): readonly Refusal[];
  /** How many sessions of a project have a runner, and how many may; null: as many as come. */
  projectLoad(projectId: string): { running: number; max: number | null };
}

/** Obstacles that another session of the same line may not have. */
const ITS_OWN: ReadonlySet<Obstacle> = new Set(['elsewhere', 'unseen', 'refused']);
const RANKS = Object.fromEntries(OBSTACLES.map((obstacle, rank) => [obstacle, rank])) as Record<Obstacle, number>;

export type Choice = { room: RunnerRoom } | { room: null; waiting: Waiting; /** All of its line wait for the same. */ line: boolean };

/** What can be taken at one moment, by whom. Pure but for what was taken from it. */
export class Fleet {
  private readonly projects = new Map<string, { running: number; max: number | null }>();

  constructor(private readonly state: FleetState) {}

  /** The runner with the smallest share of its capacity taken, of those that can take it now. */
  choose(waiter: Waiter): Choice {
    const project = this.project(waiter.projectId);
    if (project.max !== null && project.running >= project.max) {
      return { room: null, line: true, waiting: { reason: `its project runs ${project.running} of ${project.max}` } };
    }
    const refusals = this.state.refusalsOf(waiter.id);
    let best: RunnerRoom | null = null;
    let nearest: { obstacle: Obstacle; room: RunnerRoom | null } = { obstacle: 'away', room: null };
    let line = true;
    for (const room of this.state.rooms) {
      const obstacle = obstacleTo(waiter, room, refusals);
      if (obstacle === null) {
        if (best === null || room.load * best.capacity < best.load * room.capacity) best = room;
        continue;
      }
      if (ITS_OWN.has(obstacle)) line = false;
      if (RANKS[obstacle] > RANKS[nearest.obstacle]) nearest = { obstacle, room };
    }
    return best === null ? { room: null, line, waiting: this.waiting(waiter, nearest.obstacle, nearest.room, refusals) } : { room: best };
  }

  /** From now on the place is the session's. */
  take({ projectId }: Waiter, room: RunnerRoom): void {
    room.load += 1;
    room.starts -= 1;
    this.project(projectId).running += 1;
  }

  private waiting(waiter: Waiter, obstacle: Obstacle, room: RunnerRoom | null, refusals: readonly Refusal[]): Waiting {
    return {
      reason: reasonOf(obstacle, waiter, room && detailOf(obstacle, waiter, room, refusals)),
      ...(obstacle === 'starting' && { soon: true }),
      ...(obstacle === 'unseen' && this.state.silent === 0 && { never: true }),
    };
  }

  private project(projectId: string): { running: number; max: number | null } {
    let project = this.projects.get(projectId);
    if (!project) this.projects.set(projectId, project = { ...this.state.projectLoad(projectId) });
    return project;
  }
}

/** What keeps this runner from taking it now; null: nothing. In the order of `OBSTACLES`. */
function obstacleTo(waiter: Waiter, room: RunnerRoom, refusals: readonly Refusal[]): Obstacle | null {
  if (waiter.keeper !== null && waiter.keeper !== room.runnerId) return 'away';
  for (const name in waiter.labels) if (room.labels[name] !== waiter.labels[name]) return 'unlabelled';
  if (room.draining) return 'draining';
  const provider = room.providers.get(waiter.providerType);
  if (!provider) return 'unknown';
  if (!provider.installed) return 'missing';
  if (room.problem !== null) return 'impaired';
  if (room.roots !== null && !room.roots.some((root) => isInside(waiter.workingDir, root))) return 'elsewhere';
  const refusal = refusals.find(({ runnerId }) => runnerId === room.runnerId);
  if (refusal) return refusal.directory === null ? 'refused' : 'unseen';
  if (room.load >= room.capacity) return 'full';
  return room.starts <= 0 ? 'starting' : null;
}

function detailOf(obstacle: Obstacle, { providerType }: Waiter, room: RunnerRoom, refusals: readonly Refusal[]): string | null {
  switch (obstacle) {
    case 'missing': return room.providers.get(providerType)?.detail ?? null;
    case 'impaired': return room.problem;
    case 'unseen': return refusals.find(({ runnerId }) => runnerId === room.runnerId)!.directory;
    default: return null;
  }
}

/** Both absolute and normal. */
function isInside(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith('/') ? root : `${root}/`);
}
