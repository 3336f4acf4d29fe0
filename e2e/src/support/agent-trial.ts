import { readFile, rm, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Approval, Project, ProviderInfo, SessionView } from '@orbitmesh/domain';
import { eventually, processesNaming, scenarioTag, type ModelStandIn, type RealAgent, type Scenario as ModelScenario } from '@orbitmesh/testing';
import { pageAll } from './feed.js';
import { marksIn, plantPrograms } from './hostile-repository.js';
import type { Scenario } from './scenario.js';

type Decision = { decision: 'allow' | 'deny'; reason?: string };
type ToolStep = ModelScenario['tools'][number];
/** opencode and copilot try a refused model again for more than a minute before they say so; the machine may be busy. */
const TURN_MS_MAX = 180_000;

/** One real agent on trial: driven by REST alone, from a spawn on; only the model behind it is scripted. */
export class AgentTrial {
  constructor(
    private readonly scenario: Scenario, private readonly standIn: ModelStandIn, private readonly project: Project,
    readonly agent: RealAgent,
  ) {}

  /** As `GET /api/providers` has it, once it was looked at. */
  provider(): Promise<ProviderInfo> {
    return eventually(async () => {
      const { items } = await this.scenario.api.get<{ items: ProviderInfo[] }>('/api/providers');
      return items.find(({ name, installed, version }) => name === this.agent.name && installed && version !== null);
    }, { what: `${this.agent.name} with its version`, timeoutMs: 90_000 });
  }

  spawn(told: Partial<ModelScenario>, more: object = {}): Promise<SessionView> {
    return this.scenario.spawn(this.project.id, { providerType: this.agent.name, permissionMode: 'ask', name: `Trial of ${this.agent.name}`, initialDirective: tag(told), ...more });
  }

  /** As its next prompt; resolves when it has answered with these words and is idle again. */
  async talk(id: string, answer: string): Promise<void> {
    await this.scenario.api.post(`/api/sessions/${id}/input`, { text: tag({ say: answer, then: answer }) });
    await eventually(async () => (await this.output(id)).includes(answer), { what: `${this.agent.name}: its answer`, timeoutMs: TURN_MS_MAX });
    await this.idle(id);
  }

  /** A session in a repository with programs planted for git and for every agent, which looks around and commits (codex' own sandbox lets it not). @returns those that ran; `refused`: it was not begun */
  async inHostileRepository(trustRepository: boolean): Promise<string[]> {
    const workingDir = await this.scenario.anotherRepository();
    const marks = await this.scenario.directory();
    await plantPrograms(workingDir, marks);
    const project = await this.scenario.project({ workingDir, trustRepository });
    const commands = ['git status --short', 'git add -A', "git -c user.name=A -c user.email=a@example.invalid commit -qm 'All of it'", 'orbitmesh report completed "It is committed."'];
    const { id } = await this.spawn({ tools: commands.map((command) => this.agent.shell(command)) }, { projectId: project.id });
    const { session } = await this.ended(id);
    if (session.outcome?.code === 'config_invalid') return ['refused'];
    if (session.status !== 'completed') throw new Error(`it ended: ${JSON.stringify(session.outcome)}`);
    await this.nothingLeft(id);
    return marksIn(marks);
  }

  post(path: string, body: object = {}): Promise<SessionView> {
    return this.scenario.api.post<SessionView>(path, body);
  }

  request(path: string, body: object): ReturnType<Scenario['api']['request']> {
    return this.scenario.api.request('POST', path, { body });
  }

  /** A file of the repository with `before` in it, committed. */
  async file(name: string, text: string): Promise<string> {
    const path = join(this.scenario.repository, name);
    await writeFile(path, text);
    const git = (...args: string[]) => execFileSync('git', ['-c', 'user.name=Test', '-c', 'user.email=test@example.invalid', ...args], { cwd: this.scenario.repository, stdio: 'ignore' });
    git('add', name);
    git('commit', '-qm', name);
    return path;
  }

  /** Where there is no file yet. */
  async place(name: string): Promise<string> {
    const path = join(this.scenario.repository, name);
    await rm(path, { force: true });
    return path;
  }

  diff(name: string): string {
    return execFileSync('git', ['diff', '--', name], { cwd: this.scenario.repository, encoding: 'utf8' });
  }

  /** Answers every question of the session in the same way until it is as `matches` says. @returns it, and how many were asked */
  async answering(id: string, answer: Decision, matches: (session: SessionView) => boolean | Promise<boolean>, what: string): Promise<{ session: SessionView; asked: number }> {
    const session = await eventually(async () => {
      const open = (await this.approvals(id)).filter(({ state }) => state === 'open');
      // One that was withdrawn meanwhile is no failure.
      for (const approval of open) await this.request(`/api/sessions/${id}/approvals/${approval.id}`, answer);
      const now = await this.scenario.session(id);
      if (await matches(now)) return now;
      throw new Error(`it is ${JSON.stringify({ ...now, teamMember: undefined })}`);
    }, { what: `${this.agent.name}: ${what}`, timeoutMs: TURN_MS_MAX });
    return { session, asked: (await this.approvals(id)).length };
  }

  ended(id: string, answer: Decision = { decision: 'allow' }): Promise<{ session: SessionView; asked: number }> {
    return this.answering(id, answer, ({ outcome, state }) => outcome !== null && ['stopped', 'error'].includes(state), 'the end of the session');
  }

  async idle(id: string, answer: Decision = { decision: 'allow' }): Promise<{ session: SessionView; asked: number }> {
    return this.answering(id, answer, ({ state, activity, needsInput, outcome }) => outcome !== null || (state === 'running' && activity === 'idle' && !needsInput?.active), 'idle');
  }

  /** Until its command, which then runs for ever, has made this file. */
  async atWork(id: string, started: string): Promise<void> {
    const { session } = await this.answering(id, { decision: 'allow' }, async ({ outcome }) => outcome !== null || await readFile(started).then(() => true, () => false), 'its tool at work');
    if (session.outcome) throw new Error(`it ended: ${JSON.stringify(session.outcome)}`);
  }

  /** As a program that is killed by the system: the agent itself (what the run's wrapper started), with no word to anybody. */
  async killAgent(id: string): Promise<void> {
    const marked = await processesNaming(`ORBITMESH_SESSION_ID=${id}`);
    const parents = new Map(await Promise.all(marked.map(async ({ pid }) => [pid, await parentOf(pid)] as const)));
    const wrapper = marked.find(({ pid }) => !parents.has(parents.get(pid) ?? 0));
    const agents = marked.filter(({ pid }) => parents.get(pid) === wrapper?.pid);
    if (agents.length === 0) throw new Error(`no process of ${this.agent.name} was found among ${JSON.stringify(marked)}`);
    for (const { pid } of agents) process.kill(pid, 'SIGKILL');
  }

  async nothingLeft(id: string): Promise<void> {
    await eventually(async () => {
      const left = await processesNaming(`ORBITMESH_SESSION_ID=${id}`);
      if (left.length === 0) return true;
      throw new Error(JSON.stringify(left));
    }, { what: `nothing of ${this.agent.name} left`, timeoutMs: 30_000 });
  }

  /** Has the model been told this? Agents send all of a conversation with every request. */
  wasTold(text: string): boolean {
    return this.standIn.requests.some(({ body }) => JSON.stringify(body).includes(text));
  }

  /** Is it in the conversation that the model was last asked to go on with? */
  lastRequestHas(text: string): boolean {
    const withTools = this.standIn.requests.filter(({ body }) => Array.isArray(body.tools) && body.tools.length > 0);
    return JSON.stringify(withTools.at(-1)?.body ?? {}).includes(text);
  }

  /** All that the agent said. */
  async output(id: string): Promise<string> {
    const events = await pageAll((path) => this.scenario.api.get(path));
    return events.filter(({ sessionId, type }) => sessionId === id && type === 'output').map(({ data }) => (data as { content: string }).content).join('');
  }

  told(told: Partial<ModelScenario>): string {
    return tag(told);
  }

  async timeline(id: string): Promise<string[]> {
    const { items } = await this.scenario.api.get<{ items: { data: { kind: string; by?: string } }[] }>(`/api/sessions/${id}/timeline`);
    return items.map(({ data }) => data.kind);
  }

  private async approvals(id: string): Promise<Approval[]> {
    return (await this.scenario.api.get<{ items: Approval[] }>(`/api/sessions/${id}/approvals`)).items;
  }
}

/** By our MCP server's tool, where the model is offered it. */
export function reports({ reportsByShell, shell }: RealAgent, kind: 'progress' | 'completed', message: string): ToolStep {
  return reportsByShell ? shell(`orbitmesh report ${kind} "${message}"`) : { names: [`report_${kind}`], args: { message } };
}

export function tag(told: Partial<ModelScenario>): string {
  return scenarioTag({ say: 'I will.', tools: [], then: 'That is all.', ...told });
}

async function parentOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0);
}
