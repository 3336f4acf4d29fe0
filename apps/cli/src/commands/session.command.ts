import { SESSION_STATES, SESSION_STATUSES, type Approval, type SessionState, type SessionStatus, type SessionView } from '@orbitmesh/domain';
import type { ApiClient } from '@orbitmesh/api-client';
import type { SessionAction } from '@orbitmesh/contracts';
import { answerApproval } from '../answer-approval.js';
import { projectOf, sessionOf } from '../context.js';
import { CliError, EXIT } from '../exit-code.js';
import { PAGE_ITEMS, itemsOf } from '../pages.js';
import { report, REPORT_WORDS } from '../report.js';
import { APPROVAL_COLUMNS, SESSION_COLUMNS, SESSION_FIELDS, intentText } from '../session-text.js';
import { attachTo, showLogs } from '../session-viewer.js';
import { showTimeline } from '../show-timeline.js';
import type { Register, Site, Words } from '../site.js';
import { CONTINUE_OPTIONS, SPAWN_OPTIONS, agentBody, showStarted, spawnSession, type AgentOptions, type SpawnOptions } from '../spawn-session.js';
import { textOf } from '../text-input.js';

const SESSION = [['<session>', 'its id']] as const;
const OWN_SESSION = [['[session]', 'its id (default in a session: its own)']] as const;
const WATCHED = 'With --watch it prints the session, its events and the session as it ended; its exit code is 0 when the session came to completed, else 1.';
const ACTIONS: Readonly<Record<SessionAction, string>> = {
  stop: 'end a session in good order: its agent is asked first, then made to',
  kill: 'end a session at once, with everything its agent started',
  pause: 'hold a session: nothing more is said to its agent, nothing allowed',
  resume: 'let a paused session go on',
  interrupt: 'break off what the agent does now; the session goes on',
};

/** Everything about sessions; some of it is on the top level, too. */
export const registerSession: Register = (program) => {
  const session = program.noun('session', 'one piece of agent work, from spawn to its end');
  addSpawn(session);
  addAttach(session);
  addLogs(session);
  addList(session, 'list');
  session.show<SessionView, object, [session?: string]>({ about: 'show one session', args: OWN_SESSION, get: ({ client, context, call }) => client.session(sessionOf(context, call.args[0])), fields: SESSION_FIELDS });
  for (const action of Object.keys(ACTIONS) as SessionAction[]) addAction(session, action);
  addInput(session);
  addContinue(session);
  session.change<SessionView>({
    name: 'rename', about: 'call a session something else', args: [...SESSION, ['<name>', 'what to call it']], revisioned: true,
    send: ({ client, call: { args: [id, name] } }, how) => client.renameSession(id, name, how), text: (one) => `${one.id}: ${one.name}`,
  });
  session.remove({ about: 'delete a session that has ended, with all that is kept of it', args: SESSION, send: (client, id, how) => client.deleteSession(id, how) });
  session.add<object, [session?: string]>({ name: 'timeline', about: 'tell what its agent reported, with times and names', args: OWN_SESSION, prints: 'documents' },
    (context, { args: [id] }) => showTimeline(context, sessionOf(context, id)));
  session.list<Approval>({
    name: 'approvals', about: 'list what a session asked permission for', args: SESSION, page: ({ client, call }) => client.approvals(call.args[0]), columns: APPROVAL_COLUMNS, none: 'It asked for nothing.',
  });
  addApprove(session);
  session.add({ ...REPORT_WORDS, name: 'report' }, report);
  session.add<{ input?: boolean }>({ name: 'manifest', about: 'print what a session was started with', args: SESSION, options: [['--input', 'what the manifest was built from, instead']] },
    async (context, { args: [id], options }) => {
      const client = await context.client();
      const manifest = options.input ? await client.manifestInput(id) : await client.manifest(id);
      context.printer.result(manifest, () => JSON.stringify(manifest, null, 2));
    });
};

/** What one types most, without the noun. */
export const registerSessionShortForms: Register = (program) => {
  for (const add of [addSpawn, addAttach, addInput, addApprove]) add(program);
  for (const action of ['stop', 'kill'] as const) addAction(program, action);
  addList(program, 'sessions');
};

function addSpawn(site: Site): void {
  site.add<SpawnOptions, [directive?: string]>({
    name: 'spawn', about: 'start an agent; prints the id of its session', args: [['[directive]', 'what it is to do; - reads it from stdin']], options: SPAWN_OPTIONS, more: WATCHED,
  }, spawnSession);
}

function addAttach(site: Site): void {
  site.add<{ input?: string }>({
    name: 'attach', about: 'watch a session, from its beginning to its end; on a terminal, answer what it asks, and what is typed is said to it', args: SESSION, prints: 'documents',
    options: [['--input <->', '-: lines of stdin are said to it, also where it is no terminal']], more: 'Its exit code is 0 when the session came to completed, else 1. Ctrl-C leaves it running.',
  }, async (context, { args: [id], options }) => {
    if (options.input !== undefined && options.input !== '-') throw new CliError(EXIT.usage, '--input takes - alone, which is stdin.');
    await attachTo(context, id, options.input === '-' ? 'stdin' : 'terminal');
  });
}

function addLogs(site: Site): void {
  site.add<{ follow?: boolean; raw?: boolean }>({
    name: 'logs', about: 'print what a session did so far', args: SESSION, prints: 'documents',
    options: [['-f, --follow', 'go on until it ends, or until Ctrl-C'], ['--raw', 'only what its agent wrote, as it came']],
  }, (context, { args: [id], options: { follow = false, raw } }) => showLogs(context, id, { follow, raw }));
}

interface ListOptions { all?: boolean; project?: string; task?: string; parent?: string; state?: SessionState; status?: SessionStatus }

function addList(site: Site, name: string): void {
  site.list<SessionView, ListOptions>({
    name, about: 'list the sessions that have not ended, or all of them',
    options: [
      ['-a, --all', 'with those that have ended'], ['-p, --project <project>', 'only of this project'], ['-t, --task <task>', 'only with this task'],
      ['--parent <session>', 'only those that this session started'], ['--state <state>', 'only in this state', SESSION_STATES], ['--status <status>', 'only with this status', SESSION_STATUSES],
    ],
    items: ({ client, context, call: { options } }) => sessionsOf(client, { ...options, project: projectOf(context, options.project) }),
    columns: SESSION_COLUMNS, none: 'No session. With ended ones: --all',
  });
}

async function* sessionsOf(client: ApiClient, { all, project: projectId, task: taskId, parent: parentSessionId, state, status }: ListOptions): AsyncGenerator<SessionView> {
  const live = !all && state === undefined && status === undefined;
  for (const one of live ? ['spawning', 'working'] as const : [status]) {
    yield* itemsOf((cursor) => client.sessions({ projectId, taskId, parentSessionId, state, status: one, cursor, limit: PAGE_ITEMS }));
  }
}

function addAction(site: Site, action: SessionAction): void {
  site.change<SessionView, { reason?: string }>({
    name: action, about: ACTIONS[action], args: SESSION, options: [['--reason <text>', 'why, for its history']],
    send: ({ client, call: { args: [id], options } }, how) => client.act(id, action, options.reason, how), text: intentText,
  });
}

function addInput(site: Site): void {
  site.change<SessionView, { steer?: boolean }>({
    name: 'input', about: 'say something to the agent of a session', args: [...SESSION, ['<text>', 'what to say; - reads it from stdin']],
    options: [['--steer', 'into the turn that runs, where the agent can (provider list says which); without it, when the turn has ended']],
    send: async ({ client, context, call: { args: [id, text], options: { steer } } }, how) => client.input(id, await textOf(context, text), { ...how, ...(steer && { steer }) }), text: (one) => `${one.id}: ${one.state}, told`,
  });
}

function addContinue(site: Site): void {
  site.add<AgentOptions, [session: string, directive: string]>({
    name: 'continue', about: "go on with a session that has ended, in its agent's own conversation; prints the id of the new one",
    args: [...SESSION, ['<directive>', 'what it is to do now; - reads it from stdin']], options: CONTINUE_OPTIONS, more: WATCHED,
  }, async (context, { args: [id, directive], options }) => {
    const initialDirective = await textOf(context, directive);
    const { body } = await (await context.client()).continueSession(id, { initialDirective, ...await agentBody(context, options) }, { idempotencyKey: options.idempotencyKey });
    await showStarted(context, body, options.watch);
  });
}

function addApprove(site: Site): void {
  const options: Words['options'] = [['--deny', 'say no (default: yes)'], ['--option <id>', 'choose one of the options it offers instead'], ['--reason <text>', 'why, for its history']];
  site.add({ name: 'approve', about: 'allow what a session asks for, or deny it', args: [...SESSION, ['[approval]', 'which question (default: the only open one)']], options }, answerApproval);
}
