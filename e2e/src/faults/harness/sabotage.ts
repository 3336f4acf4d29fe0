import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

export interface Sabotage {
  app: 'session-service' | 'api-gateway' | 'provider-runner';
  /** What is taken away, in the built service: each must be found just so often as said. */
  edits: readonly { find: string; times?: number; put: string }[];
  /** Faults of the schedule that bring it to light. */
  faults: readonly string[];
  /** What is then said of it. */
  shows: RegExp;
  /** How many chances it has, where a fault often hits nothing of it. */
  rounds?: number;
}

/** Each takes away one thing that a promise rests on. Where the mark of a store may outlive all that was in it, the start after says so (ADR-0026). */
export const SABOTAGES: Readonly<Record<string, Sabotage>> = {
  'files are not synced': {
    app: 'session-service', faults: ['power-cut-all'], shows: /lost: |is damaged|was refused|instead of|with a gap/,
    edits: [{ find: 'return this.handle.datasync();', put: '' }, { find: 'return this.handle.sync();', put: '' }],
  },
  'directories are not synced': {
    app: 'session-service', faults: ['power-cut-all'], shows: /lost: |was refused|instead of|with a gap|is gone, or empty/,
    edits: [{ find: 'async syncDir(path) {', put: 'async syncDir(path) { return;' }],
  },
  'commands are not deduplicated': {
    app: 'session-service', faults: ['kill-session-service'], shows: /nobody was told so|repeated under its key|from revision|DELETE .* was refused: 404/,
    edits: [{ find: 'const key = meta.idempotency;', put: 'const key = void 0;' }],
  },
  'facts are not deduplicated': {
    app: 'session-service', faults: ['kill-nats'], shows: /said the lines|after sessionSeq/,
    edits: [
      { find: '.some(({ runSeq }) => runSeq === ackedRunSeq + 1)', put: '.some(() => true)' },
      { find: 'if (runSeq <= ackedRunSeq)', put: 'if (false)' }, { find: 'if (runSeq > ackedRunSeq + 1)', put: 'if (false)' },
    ],
  },
  'the epoch is not checked': {
    app: 'session-service', faults: ['kill-runner'], shows: /facts of an older epoch were taken/,
    edits: [{ find: 'if (run?.runId !== runId || run.epoch !== epoch)', put: 'if (run?.runId !== runId)' }],
  },
  'events are published before they are durable': {
    app: 'session-service', faults: ['power-cut-while-writing'], shows: /with a gap|a client of [\w ]+ got|is gone, or empty/,
    edits: [{ find: 'this.log.enqueue({ ...prepared,', put: 'for (const listener of this.listeners) listener(prepared.committed);\n      this.log.enqueue({ ...prepared,' }],
  },
  'commands are acknowledged before they are durable': {
    app: 'session-service', faults: ['power-cut-while-writing'], shows: /lost: |was refused: (404|410)|with a gap|a client of [\w ]+ got|is gone, or empty/,
    edits: [{
      find: 'await this.segments.append(this.batch);',
      put: 'const taken = this.takenBatch();\n for (const entry of taken) { this.hooks.durable(entry); entry.resolve(); }\n await this.segments.append(taken);',
    }],
  },
  'a gateway passes over what it missed': {
    // It misses what is on its way at the kill: twice there was nothing, six times in a row.
    app: 'api-gateway', faults: ['kill-nats'], shows: /a client of [\w ]+ got/, rounds: 30,
    edits: [{ find: 'if (event.seq > current.seq + 1)', put: 'if (false)' }],
  },
  'a runner does not look for what is left of an agent': {
    app: 'provider-runner', faults: ['kill-session-service'], shows: /left running: /,
    edits: [{ find: 'this.agent.processes.sweep(SWEEP_GIVE_UP_MS', times: 2, put: '(() => 0)(0' }],
  },
};

/** A checkout whose one service lacks something; all else is the real one. */
export class SabotagedCheckout {
  private constructor(private readonly dir: string) {}

  /** @throws when the service is not made of what the sabotage takes away: it would prove nothing */
  static async make({ app, edits }: Sabotage): Promise<SabotagedCheckout> {
    // Plain JavaScript outside of every project: imported by its place in the checkout.
    const { entryOf } = await import(new URL('../../../../tools/lib/bundle.mjs', import.meta.url).href) as { entryOf(root: string, app: string): string };
    if (!entryOf(ROOT, app).endsWith('main.bundle.js')) throw new Error('What is sabotaged would not be started: npm run build.');
    const dir = mkdtempSync(join(tmpdir(), 'om-sabotage-'));
    for (const name of ['node_modules', 'libs', '.cache', 'package.json', 'package-lock.json', 'orbitmesh']) symlinkSync(join(ROOT, name), join(dir, name));
    // Not a link: a module is where its real path is, and the launcher starts what lies beside itself.
    cpSync(join(ROOT, 'tools'), join(dir, 'tools'), { recursive: true });
    for (const name of readdirSync(join(ROOT, 'apps'))) {
      if (name !== app) mkdirSync(join(dir, 'apps'), { recursive: true });
      if (name !== app) symlinkSync(join(ROOT, 'apps', name), join(dir, 'apps', name));
    }
    const dist = join(ROOT, 'apps', app, 'dist');
    mkdirSync(join(dir, 'apps', app, 'dist'), { recursive: true });
    symlinkSync(join(ROOT, 'apps', app, 'package.json'), join(dir, 'apps', app, 'package.json'));
    for (const name of readdirSync(dist)) {
      const target = join(dir, 'apps', app, 'dist', name);
      if (name === 'main.bundle.cjs') writeFileSync(target, sabotaged(readFileSync(join(dist, name), 'utf8'), edits));
      // It runs what lies beside its real path. What V8 compiled is of the service as it was.
      else if (name === 'main.bundle.js') copyFileSync(join(dist, name), target);
      else if (name !== 'main.bundle.cache') symlinkSync(join(dist, name), target);
    }
    return new SabotagedCheckout(dir);
  }

  get launcher(): string {
    return join(this.dir, 'tools', 'launch.mjs');
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

function sabotaged(text: string, edits: Sabotage['edits']): string {
  return edits.reduce((left, { find, times = 1, put }) => {
    const parts = left.split(find);
    if (parts.length !== times + 1) throw new Error(`'${find}' is in the service ${parts.length - 1} times instead of ${times}.`);
    return parts.join(put);
  }, text);
}
