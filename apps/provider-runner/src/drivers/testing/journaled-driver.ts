import type { IdKind, Manifest, RunFact } from '@orbitmesh/domain';
import type { Driver, DriverDefinition, DriverHost, DriverState, RunContext } from '../driver.js';

/** A JSON-RPC message of ours, as a test looks at it: members that the kind of message does not have are undefined. */
export interface SentMessage {
  jsonrpc: string;
  id: string | number | null;
  method: string;
  params: Record<string, unknown>;
  result: { outcome: { outcome: string; optionId?: string } };
}

/** A manifest that says what a test cares for. */
export function manifestOf(change: Partial<Manifest> = {}): Manifest {
  return {
    manifestVersion: '1.0', sessionId: 'sess_1', projectId: 'proj_1', mode: 'task', systemPrompt: '', prompt: 'Do the task.', tasks: [], teamMember: null,
    provider: { type: 'demo', model: null, permissionMode: 'ask', mcpServers: [], custom: {} },
    workingDir: '/repo', environment: {}, secrets: {}, parent: null, initialDirective: null, ...change,
  };
}

export function runContextOf(change: Partial<RunContext> = {}): RunContext {
  return {
    sessionId: 'sess_1', projectId: 'proj_1', runId: 'run_1', epoch: 1, manifest: manifestOf(), entry: { driver: 'acp', command: ['/bin/agent'] },
    workingDir: '/repo', cliPath: '/run/bin/orbitmesh', manifestPath: '/run/manifest.json', apiUrl: 'http://127.0.0.1:1', environment: {}, stateDir: '/state/sess_1', mcpServers: [], ...change,
  };
}

/**
 * A driver under the port's own rules, in memory: after every step its snapshot goes through JSON, lines
 * are "written" when the test says so, and `crash` makes the driver anew from the last journaled step.
 */
export class JournaledDriver {
  facts: RunFact[] = [];
  /** Every line that reached the agent's stdin, in order. */
  lines: { key: string; line: string }[] = [];
  ended: string | null = null;
  private driver: Driver;
  private saved: DriverState = {};
  private unsent: { key: string; line: string; written: () => void; failed: (error: Error) => void }[] = [];
  private ids = 0;
  private incarnation = 0;
  /** When false, lines stay journaled and unsent. */
  writes = true;
  /** When false, lines are written, and the runner does not live to tell the driver. */
  confirms = true;
  /** When set, a send fails with it. */
  refuses: Error | null = null;

  constructor(private readonly definition: DriverDefinition, readonly run: RunContext = runContextOf()) {
    this.driver = definition.create(this.host());
  }

  private host(): DriverHost {
    const life = this.incarnation;
    const alive = () => life === this.incarnation;
    return {
      run: this.run,
      pid: 4711,
      emit: (fact) => { if (alive()) this.facts.push(structuredClone(fact)); },
      send: (key, line) => this.send(key, line, alive),
      closeStdin: () => {},
      failStart: (code, message) => { this.ended = `${code}: ${message}`; },
      abandon: (message) => { this.ended = `abandoned: ${message}`; },
      unparsed: (frame) => { if (alive()) this.facts.push({ type: 'metadata', key: 'unparsed', value: frame.slice(0, 200) }); },
      newId: (kind: IdKind) => `${kind}_${(this.ids += 1)}`,
      log: () => {},
    };
  }

  private send(key: string, line: string, alive: () => boolean): Promise<void> {
    if (line.includes('\n') || key.length > 128) throw new Error('the port does not allow this line or key');
    return new Promise((resolve, reject) => {
      // What a dead incarnation waits for never comes, as in a process that was killed.
      const entry = { key, line, written: () => { if (alive()) resolve(); }, failed: (error: Error) => { if (alive()) reject(error); } };
      this.unsent.push(entry);
    });
  }

  /** One step, then what the core does after it: journal, write, tell the driver. */
  async step(work: (driver: Driver) => void): Promise<void> {
    work(this.driver);
    this.journal();
    await this.write();
  }

  private journal(): void {
    this.saved = JSON.parse(JSON.stringify(this.driver.snapshot())) as DriverState;
  }

  private async write(): Promise<void> {
    while (this.unsent.length && (this.writes || this.refuses)) {
      const entry = this.unsent.shift()!;
      if (this.refuses) {
        entry.failed(this.refuses);
      } else {
        this.lines.push({ key: entry.key, line: entry.line });
        if (this.confirms) entry.written();
      }
      await new Promise((resolve) => setImmediate(resolve));
      this.journal();
    }
  }

  /** The runner dies after the last journaled step, and comes back. */
  async crash(): Promise<void> {
    const unsent = this.unsent.splice(0).map(({ key }) => key);
    const state = JSON.parse(JSON.stringify(this.saved)) as DriverState;
    this.incarnation += 1;
    this.driver = this.definition.create(this.host());
    await this.step((driver) => driver.recover({ state, stateVersion: this.definition.stateVersion, unsent }));
  }

  /** The agent says something: each value is one line. */
  async agent(...messages: unknown[]): Promise<void> {
    for (const message of messages) {
      const text = typeof message === 'string' ? message : JSON.stringify({ jsonrpc: '2.0', ...(message as object) });
      await this.step((driver) => driver.stdout({ text, start: 0, end: Buffer.byteLength(text) + 1 }));
    }
  }

  snapshot(): DriverState {
    return this.driver.snapshot();
  }

  status(): ReturnType<Driver['status']> {
    return this.driver.status();
  }

  /** Facts of one type. */
  said<T extends RunFact['type']>(type: T): Extract<RunFact, { type: T }>[] {
    return this.facts.filter((fact): fact is Extract<RunFact, { type: T }> => fact.type === type);
  }

  /** What was sent under a key, decoded. */
  sent(key: string): SentMessage[] {
    return this.lines.filter((line) => line.key === key).map(({ line }) => JSON.parse(line) as SentMessage);
  }
}
