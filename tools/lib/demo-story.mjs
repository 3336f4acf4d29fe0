import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DemoApi } from './demo-api.mjs';
import { FeedPrinter } from './demo-feed.mjs';
import { makeRepository } from './demo-repository.mjs';
import { DEMO_SESSION_WAIT_MS } from './limits.mjs';
import { Refusal, say, sayLines, shortPath } from './say.mjs';

/**
 * The main job, end to end: a project, a task, an agent at work on it, its question answered, its report.
 * @param {import('./demo-stack.mjs').DemoStack} stack
 * @throws Refusal unless the agent reported completion and its report is there
 */
export async function tellStory(stack) {
  const repository = makeRepository();
  say('repository', `${repository} (made for this demo; it stays)`);
  const api = new DemoApi(stack.url, stack.token);
  const project = await api.post('/api/projects', { name: 'Lighthouse', workingDir: repository });
  say('project', `${project.id}  ${project.name}`);
  const task = await api.post('/api/tasks', {
    projectId: project.id, title: 'Survey the repository and write a report',
    acceptanceCriteria: ['Every file is named', 'Open ends are listed'],
  });
  say('task', `${task.id}  ${task.title}`);
  const session = await watchSession(api, project, task);
  const report = reportIn(repository, session.id);
  if (session.status !== 'completed' || session.outcome?.reported !== true) {
    throw new Refusal(`The session ended ${session.status}, not completed by its agent: ${JSON.stringify(session.outcome)}`);
  }
  if (!report) throw new Refusal(`The session is completed, but there is no report in ${repository}.`);
  sayNext(stack, session, report);
}

/** Spawns a session, shows its feed, allows what it asks for. @returns the session when it has ended */
async function watchSession(api, project, task) {
  const printer = new FeedPrinter(sayLines);
  const answers = [];
  let spawned;
  await new Promise((ended, failed) => {
    const late = setTimeout(() => failed(new Refusal(`The session did not end in ${DEMO_SESSION_WAIT_MS / 60_000} minutes.`)), DEMO_SESSION_WAIT_MS);
    spawned = spawn(api, project, task, (event) => {
      printer.print(event);
      if (event.type === 'approval_requested') answers.push(allow(api, event.sessionId).catch(failed));
      // The one notification that every end of a session makes (design §4.4).
      if (!/^notify:session_(completed|failed|stopped)$/.test(event.type)) return;
      clearTimeout(late);
      ended();
    });
    spawned.catch(failed);
  });
  const { id, unfollow } = await spawned;
  unfollow();
  await Promise.all(answers);
  return api.get(`/api/sessions/${id}`);
}

/** Follows first, so that not even the first event is missed. */
async function spawn(api, project, task, onEvent) {
  const unfollow = await api.follow({ projectId: project.id }, onEvent);
  const { id } = await api.post('/api/sessions/spawn', { projectId: project.id, taskIds: [task.id], providerType: 'demo', permissionMode: 'ask' });
  say('session', `${id}  spawned with the built-in demo agent; it asks before it writes\n`);
  return { id, unfollow };
}

async function allow(api, sessionId) {
  const { items } = await api.get(`/api/sessions/${sessionId}/approvals`);
  for (const { id } of items.filter((approval) => approval.state === 'open')) {
    await api.post(`/api/sessions/${sessionId}/approvals/${id}`, { decision: 'allow' });
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
Done: ${session.outcome.message}

What to open next
  the report    ${report}
  the record    ${shortPath(files)}/{session.json,manifest.json,events.ndjson}
${stack.own
    ? `  again, live   npm start, and npm run demo in another terminal`
    : `  its feed      ./orbitmesh attach ${session.id}
  over REST     curl -H "Authorization: Bearer $(cat ${shortPath(join(stack.home, 'api-gateway', 'admin.token'))})" ${stack.url}/api/sessions/${session.id}`}
`);
}
