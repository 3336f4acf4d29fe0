/** Homes with much in them, made by the domain itself and not by running agents. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildManifest, createProject, createTask, handleSession, newUlidSource } from '@orbitmesh/domain';

const built = (path, app = 'session-service') => import(new URL(`../apps/${app}/dist/${path}`, import.meta.url).href);
/** Documents a commit: within its 8 MiB. */
const BATCH = 200;
/** Lines that a session said while it worked through its task. */
const OUTPUTS = 20;

/** Ended sessions as the domain makes them, each with the task it worked on; the other tasks wait. @returns how many events all that is */
export async function fillHome(home, { sessions, tasks, outputs = OUTPUTS }) {
  const [{ openStore }, { COLLECTIONS }] = await Promise.all([built('store/store.provider.js'), built('store/collections.js')]);
  const installationId = 'in_bench';
  await mkdir(join(home, 'session-service'), { recursive: true, mode: 0o700 });
  await writeFile(join(home, 'installation.json'), JSON.stringify({ installationId, createdAt: new Date().toISOString() }), { mode: 0o600 });
  const store = await openStore({ home }, { installationId }, { wall: () => Date.now(), monotonic: () => performance.now() });
  const ctx = { get now() { return new Date().toISOString(); }, newId: newUlidSource(() => Date.now()) };
  const put = (collection, doc, id = doc.id) => ({ collection, id, doc });
  const { doc: project } = createProject({ name: 'Filled', workingDir: home }, ctx);
  await store.commit({ puts: [put(COLLECTIONS.projects, project)] });
  let told = 0;
  for (let n = 0; n < tasks; n += BATCH) {
    const puts = []; const events = [];
    for (let at = n; at < Math.min(n + BATCH, tasks); at += 1) {
      const made = createTask({
        projectId: project.id, title: `Task ${at}`, description: 'What is to be done. '.repeat(20), acceptanceCriteria: ['it works', 'it is tested'],
      }, ctx);
      puts.push(put(COLLECTIONS.tasks, made.doc));
      events.push(...made.events);
      if (at < sessions) {
        const ended = endedSession(project, made.doc, outputs, ctx);
        const { id } = ended.session;
        puts.push(
          put(COLLECTIONS.sessions, ended.session), put(COLLECTIONS.tasks, ended.task),
          put(COLLECTIONS.manifests, ended.manifest, id), put(COLLECTIONS.manifestInputs, ended.input, id),
        );
        events.push(...ended.events);
      }
    }
    await store.commit({ puts, events });
    told += events.length;
  }
  const { seq, cursor } = store.head();
  await store.close();
  await tellNotifier({ home, installationId, now: ctx.now, place: { logId: cursor.slice(0, cursor.lastIndexOf('.')), seq, cursor } });
  return told;
}

/** It has followed all of that already: it would read it from its beginning, beside what is measured. */
async function tellNotifier({ home, installationId, now, place }) {
  const [{ NotifierStore }, { COLLECTIONS }, { moved, startOf }] = await Promise.all(['store/notifier.store.js', 'store/collections.js', 'inbox/position.js'].map((path) => built(path, 'notifier')));
  const dir = join(home, 'notifier');
  await mkdir(dir, { mode: 0o700 });
  const store = await NotifierStore.open({ dir, installationId });
  const position = moved(startOf(now), place, { read: 0, unread: 0 }, now);
  await store.commit({ puts: [{ collection: COLLECTIONS.position, id: position.id, doc: position }] });
  await store.close();
}

function endedSession(project, task, outputs, ctx) {
  const sessionId = ctx.newId('session');
  const input = {
    sessionId, project, tasks: [task], teamMember: null, parent: null, mode: 'task', providerType: 'demo', model: null, permissionMode: 'ask',
    workingDir: project.workingDir, systemPrompt: null, initialDirective: null, environment: {}, secrets: {}, mcpServers: [], custom: {},
  };
  const { manifest, hash } = buildManifest(input);
  let session = null; let linked = task; const events = [];
  const act = (command) => {
    const handled = handleSession(session, command, ctx, [linked]);
    session = handled.session;
    linked = handled.tasks[0] ?? linked;
    events.push(...handled.events);
  };
  act({
    type: 'spawn', sessionId, projectId: project.id, taskIds: [task.id], name: task.title, teamMember: null, parent: null, continues: null, agentSessionId: null,
    providerType: 'demo', model: null, permissionMode: 'ask', mode: 'task', workingDir: project.workingDir, manifestHash: hash,
  });
  act({ type: 'place', runId: ctx.newId('run'), runnerId: 'slot-0' });
  const { runId, epoch } = session.run;
  act({ type: 'claim', runId, epoch });
  const facts = [{ type: 'run_started', pid: 1 }, { type: 'turn_started' }, ...Array.from({ length: outputs }, (_, n) => ({ type: 'output', stream: 'agent', content: `Step ${n}: looked at something and wrote it down.` })), { type: 'run_ended', cause: 'exited', exitCode: 1, left: 0 }];
  act({ type: 'facts', runId, epoch, facts: facts.map((fact, n) => ({ runSeq: n + 1, at: ctx.now, fact })) });
  return { session, task: linked, manifest, input, events };
}
