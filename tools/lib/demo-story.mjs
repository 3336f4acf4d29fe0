import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ApiClient } from '@orbitmesh/api-client';
import { FeedPrinter } from './demo-feed.mjs';
import { makeRepository } from './demo-repository.mjs';
import { DEMO_SESSION_WAIT_MS } from './limits.mjs';
import { Refusal, cliIn, say, sayLines, shellWord, shortPath } from './say.mjs';

/**
 * The main job, end to end: a project, a task, an agent at work on it, its question answered, its report.
 * @param {import('./demo-stack.mjs').DemoStack} stack
 * @param {import('./demo-interruption.mjs').Interruption} interruption
 * @throws Refusal unless the agent reported completion and its report is there
 */
export async function tellStory(stack, interruption) {
  const repository = makeRepository();
  say('repository', `${repository} (made for this demo; it stays)`);
  const api = new ApiClient(stack);
  const { body: project } = await api.createProject({ name: basename(repository), workingDir: repository });
  say('project', `${project.id}  ${project.name}`);
  const { body: task, cursor } = await api.createTask({
    projectId: project.id, title: 'Survey the repository and write a report',
    acceptanceCriteria: ['Every file is named', 'Open ends are listed'],
  });
  say('task', `${task.id}  ${task.title}`);
  const { body: spawned } = await api.spawn({ projectId: project.id, taskIds: [task.id], providerType: 'demo', permissionMode: 'ask' });
  say('session', `${spawned.id}  spawned with the built-in demo agent; it asks before it writes\n`);
  // A stack of our own ends with all that is in it; in somebody else's, a question would stay open.
  if (!stack.own) interruption.undo = () => api.act(spawned.id, 'stop', 'The demo was interrupted.');
  await watch(api, spawned.id, cursor);
  const session = await api.session(spawned.id);
  const report = reportIn(repository, session.id);
  if (session.status !== 'completed' || session.outcome?.reported !== true) {
    throw new Refusal(`The session is ${session.status}, not completed by its agent: ${JSON.stringify(session.outcome)}`);
  }
  if (!report) throw new Refusal(`The session is completed, but there is no report in ${repository}.`);
  sayNext(stack, session, report);
}

/** Shows the feed of a session, from a cursor before it was there until its end, and allows what it asks for. */
async function watch(api, sessionId, after) {
  const printer = new FeedPrinter(sayLines);
  const signal = AbortSignal.timeout(DEMO_SESSION_WAIT_MS);
  let asked = false;
  for await (const item of api.feed({ sessionIds: [sessionId] }, { after, signal })) {
    if (item.type === 'event') {
      printer.print(item.event);
      asked ||= item.event.type === 'approval_requested';
    }
    // What was committed together is told together: the question, its notification, and only then our answer.
    if (asked && item.event?.commitEnd !== false) {
      asked = false;
      await allow(api, sessionId);
    }
    // The one notification that every end of a session makes (design §4.4).
    if (/^notify:session_(completed|failed|stopped)$/.test(item.event?.type)) return;
  }
  sayLines(`\nThe session did not end in ${DEMO_SESSION_WAIT_MS / 60_000} minutes.`);
}

async function allow(api, sessionId) {
  const { items } = await api.approvals(sessionId);
  for (const { id } of items.filter((approval) => approval.state === 'open')) {
    await api.answerApproval(sessionId, id, { decision: 'allow' });
    sayLines(`           you       allowed it: POST /api/sessions/${sessionId}/approvals/${id}`);
  }
}

/** Named by its session. */
function reportIn(repository, sessionId) {
  const name = readdirSync(repository).find((one) => one.includes(sessionId));
  return name && existsSync(join(repository, name)) ? join(repository, name) : null;
}

function sayNext(stack, session, report) {
  const files = join(stack.home, 'session-service', 'sessions', session.id);
  sayLines(`
The session: state ${session.state}, outcome ${session.outcome.code} (reported by the agent)

What to open next
  the report    ${report}
  the record    ${shortPath(files)}/{session.json,manifest.json,events.ndjson}
${stack.own ? '  again, live   npm start, and npm run demo in another terminal' : whatItAnswers(stack, session)}
`);
}

/** The token stays out of the process list. */
function whatItAnswers(stack, session) {
  const [cli, header] = [cliIn(stack.home), join(stack.home, 'header')];
  return `  its feed      ${cli} attach ${session.id}
  over REST     ${cli} token | (umask 077; sed 's/^/authorization: Bearer /' > ${shellWord(header)})
                curl -s -H @${shellWord(header)} ${stack.url}/api/sessions/${session.id}`;
}
