import type { EventEnvelope, Task } from '@orbitmesh/domain';
import { ApiClient } from '@orbitmesh/api-client';
import { eventually } from '@orbitmesh/testing';
import { pageAll } from './feed.js';
import type { Scenario } from './scenario.js';

/** How long one command is repeated under its key: as long as anybody is down in these tests. */
const INSIST_MS = 120_000;

/** Clients that write all the time, each command under a key of its own until it is answered, and one that follows the feed as our own client does. */
export class Load {
  /** title → id, of every task whose making was acknowledged. */
  readonly acknowledged = new Map<string, string>();
  readonly seen: EventEnvelope[] = [];
  private readonly gaps: string[] = [];
  private readonly abort = new AbortController();
  private readonly lanes: Promise<void>[] = [];
  private readonly following: Promise<void>;
  private writing = true;

  private constructor(private readonly scenario: Scenario, private readonly projectId: string, lanes: number, private readonly label: string) {
    this.following = this.follow();
    for (let lane = 0; lane < lanes; lane += 1) this.lanes.push(this.write(lane));
  }

  /** Returns when every one of the clients is at work. */
  static async on(scenario: Scenario, projectId: string, { lanes = 4, label }: { lanes?: number; label: string }): Promise<Load> {
    const load = new Load(scenario, projectId, lanes, label);
    await load.goesOn();
    return load;
  }

  /** Until writes and events of now are there. @returns how long that took, ms */
  async goesOn(): Promise<number> {
    const since = performance.now();
    const [written, seen] = [this.acknowledged.size, this.seen.length];
    await eventually(() => this.acknowledged.size > written + this.lanes.length && this.seen.length > seen + this.lanes.length, { what: 'writes and events', timeoutMs: INSIST_MS });
    return performance.now() - since;
  }

  /** Stops, and holds what clients know against what the log says. @throws naming what is lost, doubled or out of place */
  async settle(): Promise<EventEnvelope[]> {
    this.writing = false;
    await Promise.all(this.lanes);
    const log = await pageAll((path) => this.scenario.api.get(path));
    await eventually(() => this.seen.at(-1)!.seq >= log.at(-1)!.seq, { what: 'the end of the feed', timeoutMs: 30_000 });
    this.abort.abort();
    await this.following;
    const made = new Map<string, string[]>();
    for (const { type, data } of log) {
      if (type !== 'task:created' || !(data as Task).title.startsWith(this.label)) continue;
      made.set((data as Task).title, [...made.get((data as Task).title) ?? [], (data as Task).id]);
    }
    const problems = [
      ...[...this.acknowledged].filter(([title, id]) => !made.get(title)?.includes(id)).map(([title, id]) => `acknowledged and lost: ${title} (${id})`),
      ...[...made].filter(([title, ids]) => ids.length !== 1 || !this.acknowledged.has(title)).map(([title, ids]) => `made ${ids.length} times: ${title} (${ids.join(', ')})`),
      ...log.filter(({ seq }, n) => seq !== n + 1).slice(0, 3).map(({ seq }) => `the log has a hole before ${seq}`),
      ...this.seen.filter(({ id, seq }, n) => seq !== this.seen[0].seq + n || log[seq - 1]?.id !== id).slice(0, 3).map(({ seq }) => `the feed is another one than the log at ${seq}`),
      ...this.gaps,
    ];
    if (problems.length > 0) throw new Error(problems.slice(0, 10).join('\n'));
    return log;
  }

  private async write(lane: number): Promise<void> {
    for (let n = 0; this.writing; n += 1) {
      const title = `${this.label} ${lane}-${n}`;
      const { id } = await this.scenario.api.insist<{ id: string }>('POST', '/api/tasks', { projectId: this.projectId, title }, INSIST_MS);
      this.acknowledged.set(title, id);
    }
  }

  private async follow(): Promise<void> {
    const client = new ApiClient({ url: this.scenario.stack.url, token: this.scenario.stack.token });
    for await (const item of client.feed({}, { signal: this.abort.signal })) {
      if (item.type === 'event') this.seen.push(item.event);
      else if (item.type === 'subscribed' && item.resume === 'gap') this.gaps.push(`the feed says that it has a gap before ${item.cursor}`);
    }
  }
}
