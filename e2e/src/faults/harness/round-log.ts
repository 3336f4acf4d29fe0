import { isDeepStrictEqual } from 'node:util';
import type { EventEnvelope, Task } from '@orbitmesh/domain';
import { isTaskOp, revisionOf, type Acknowledged } from './ledger.js';
import type { Follower } from './follower.js';

const TYPE_OF = { create: 'task:created', update: 'task:updated', delete: 'task:deleted' } as const;

/** The log as it grows, round after round, and what it must be. */
export class RoundLog {
  /** Of the last event that was looked at. */
  cursor: string | null = null;
  private seq = 0;
  private readonly sessionSeqs = new Map<string, number>();
  /** What replaying the log makes of the tasks. */
  readonly tasks = new Map<string, Task>();

  /** From here on: what was in the home before is not looked at. */
  begin(cursor: string): void {
    this.cursor = cursor;
    this.seq = seqOf(cursor);
  }

  get head(): number {
    return this.seq;
  }

  /** @returns what is wrong with the numbering */
  add(events: readonly EventEnvelope[]): string[] {
    const found: string[] = [];
    for (const event of events) {
      if (event.seq !== this.seq + 1) found.push(`after seq ${this.seq} comes ${event.seq}`);
      this.seq = event.seq;
      this.cursor = event.cursor;
      if (event.sessionId !== undefined) {
        const before = this.sessionSeqs.get(event.sessionId) ?? 0;
        if (event.sessionSeq !== before + 1) found.push(`${event.sessionId}: after sessionSeq ${before} comes ${event.sessionSeq}`);
        this.sessionSeqs.set(event.sessionId, event.sessionSeq!);
      }
      if (event.type === 'task:created' || event.type === 'task:updated') this.tasks.set((event.data as Task).id, event.data as Task);
      if (event.type === 'task:deleted') this.tasks.delete((event.data as { id: string }).id);
    }
    return found;
  }
}

/** Every acknowledged command has its event, with just what was answered; and nothing was done that nobody asked for, or twice. */
export function compareWithLedger(events: readonly EventEnvelope[], ledger: readonly Acknowledged[]): string[] {
  const found: string[] = [];
  const done = new Map<string, EventEnvelope>();
  for (const event of events.filter(({ type }) => /^task:(created|updated|deleted)$/.test(type))) {
    const key = keyOf(event.type, event.data as Task);
    if (done.has(key)) found.push(`${key} was done twice: seq ${done.get(key)!.seq} and ${event.seq}`);
    done.set(key, event);
  }
  for (const command of ledger.filter(isTaskOp)) {
    const type = TYPE_OF[command.op as keyof typeof TYPE_OF];
    const key = keyOf(type, command.op === 'delete' ? { id: command.id } : command.body as Task);
    const event = done.get(key);
    done.delete(key);
    if (!event) found.push(`lost: ${command.op} of ${command.id}, acknowledged as ${JSON.stringify(command.body)}`);
    else if (command.op !== 'delete' && !isDeepStrictEqual(event.data, command.body)) found.push(`${key} was answered ${JSON.stringify(command.body)} and is ${JSON.stringify(event.data)}`);
  }
  for (const [key, { seq }] of done) found.push(`${key} was done (seq ${seq}) and nobody was told so`);
  const spawned = events.filter(({ type }) => type === 'session:created').map(({ sessionId }) => sessionId!);
  const asked = ledger.filter(({ op }) => op === 'spawn').map(({ id }) => id);
  for (const id of asked.filter((one) => !spawned.includes(one))) found.push(`lost: the spawn of ${id}`);
  for (const id of spawned.filter((one) => !asked.includes(one))) found.push(`${id} was spawned and nobody was told so`);
  if (new Set(spawned).size !== spawned.length) found.push(`a session was created twice: ${spawned.join(' ')}`);
  return found;
}

/** Its place in the log; opaque to every client but this one, which checks it. */
export function seqOf(cursor: string): number {
  return Number(cursor.slice(cursor.lastIndexOf('.') + 1));
}

function keyOf(type: string, task: { id: string; revision?: number }): string {
  return type === 'task:deleted' ? `${type} ${task.id}` : `${type} ${task.id} revision ${revisionOf(task)}`;
}

/** A client's stream is the log, filtered: nothing missing, nothing twice, nothing else. */
export function compareWithFollower(events: readonly EventEnvelope[], follower: Follower): string[] {
  const expected = events.filter((event) => follower.matches(event));
  const got = follower.take();
  if (isDeepStrictEqual(got, expected)) return follower.violations.splice(0);
  const at = got.findIndex((event, index) => !isDeepStrictEqual(event, expected[index]));
  const first = at === -1 ? got.length : at;
  const told = (event: EventEnvelope | undefined): string => (event ? `${event.seq} ${event.id} ${event.type} ${JSON.stringify(event.data).slice(0, 200)}` : 'nothing');
  return [...follower.violations.splice(0), `${follower.name} got ${got.length} events of ${expected.length}; as number ${first} it got ${told(got[first])} instead of ${told(expected[first])}`];
}
