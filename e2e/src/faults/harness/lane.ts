import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Task } from '@orbitmesh/domain';
import type { Chance } from '@orbitmesh/testing';
import type { Client } from './client.js';
import type { Acknowledged, Ledger } from './ledger.js';
import { TASKS_OF_LANE_MAX } from './limits.js';

/** Repeated later, as by a client that did not get the answer. */
interface Repeatable { method: string; path: string; body?: unknown; key: string; answer: unknown; status: number }

/**
 * One client that writes: it makes, changes and deletes tasks of its own, one after the other, so that it knows exactly
 * what must be there. Now and then it repeats an old command under its old key, which must change nothing.
 */
export class Lane {
  readonly tasks: Task[] = [];
  readonly violations: string[] = [];
  private commands = 0;
  private repeatable: Repeatable | null = null;

  constructor(
    private readonly number: number, private readonly client: Client, private readonly ledger: Ledger, private readonly chance: Chance,
    private readonly projectId: string, private readonly about: string,
  ) {}

  async run(stopped: () => boolean): Promise<void> {
    while (!stopped()) await this.step();
  }

  private async step(): Promise<void> {
    const draw = this.chance.next();
    if (this.tasks.length === 0 || (draw < 0.35 && this.tasks.length < TASKS_OF_LANE_MAX)) return this.create();
    if (draw < 0.75) return this.update();
    if (draw < 0.9) return this.remove();
    return this.repeat();
  }

  private async create(): Promise<void> {
    const body = { projectId: this.projectId, title: this.word(), description: 'What is to be done. '.repeat(this.chance.between(0, 60)) };
    const task = await this.command<Task>('create', 'POST', '/api/tasks', body);
    this.tasks.push(task);
  }

  private async update(): Promise<void> {
    const at = this.chance.between(0, this.tasks.length - 1);
    const before = this.tasks[at];
    const after = await this.command<Task>('update', 'PATCH', `/api/tasks/${before.id}`, { title: this.word() });
    if (after.revision !== before.revision + 1) this.violations.push(`${before.id} went from revision ${before.revision} to ${after.revision} by one change of the only client that changes it`);
    this.tasks[at] = after;
  }

  private async remove(): Promise<void> {
    const [task] = this.tasks.splice(this.chance.between(0, this.tasks.length - 1), 1);
    await this.command('delete', 'DELETE', `/api/tasks/${task.id}`, undefined, task.id);
  }

  private async repeat(): Promise<void> {
    const old = this.repeatable;
    if (!old) return;
    const { status, body } = await this.client.insist<unknown>(old.method, old.path, old);
    if (status === old.status && isDeepStrictEqual(body, old.answer)) return;
    this.violations.push(`${old.method} ${old.path} repeated under its key was answered ${status} ${JSON.stringify(body)} instead of ${old.status} ${JSON.stringify(old.answer)}`);
  }

  private async command<T>(op: Acknowledged['op'], method: string, path: string, body: unknown, id?: string): Promise<T> {
    const key = randomUUID();
    const { body: answer, status } = await this.client.insist<T>(method, path, { body, key });
    await this.ledger.acknowledge({ key, lane: this.number, op, id: id ?? (answer as { id: string }).id, body: answer });
    this.repeatable = { method, path, body, key, answer, status };
    return answer;
  }

  /** Nobody else says it, so whatever it is found on is ours. */
  private word(): string {
    this.commands += 1;
    return `${this.about} lane ${this.number} command ${this.commands}`;
  }
}
