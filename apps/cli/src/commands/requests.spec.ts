import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { answerAll, anything } from '../testing/any-answer.js';
import { TestHome, type Ran, type RunOptions } from '../testing/test-home.js';

let home: TestHome;
beforeAll(async () => { home = await TestHome.make(); });
beforeEach(() => {
  home.api.forget();
  answerAll(home.api);
});
afterAll(() => home.remove());

/** A line of words; what stands in quotes is one of them. */
const words = (line: string): string[] => [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain);
const cli = (line: string, options: RunOptions = {}): Promise<Ran> => home.cli(words(line), { cwd: '/work', ...options });
const agent = () => ({ ORBITMESH_SESSION_ID: 'sess_1', ORBITMESH_PROJECT_ID: 'proj_1', ORBITMESH_TASK_IDS: 'task_1', ORBITMESH_API_URL: home.api.url, ORBITMESH_TOKEN: 'oma_mine' });

describe('what a command asks for', () => {
  it.each<[line: string, request: string, body?: object]>([
    ['project create site -d sub --description d --max-sessions 3 --runner-label zone=eu', 'POST /api/projects', { name: 'site', workingDir: '/work/sub', description: 'd', maxSessions: 3, runnerLabels: { zone: 'eu' } }],
    ['project list', 'GET /api/projects?limit=200'],
    ['project show proj_1', 'GET /api/projects/proj_1'],
    ['project update proj_1 --name n', 'PATCH /api/projects/proj_1', { name: 'n' }],
    ['token create CI --scope read --expires 2100-01-31 --json', 'POST /api/tokens', { name: 'CI', scopes: ['read'], expiresAt: '2100-01-31' }], ['token create Ann --json', 'POST /api/tokens', { name: 'Ann' }],
    ['token list', 'GET /api/tokens'], ['token revoke tok_1', 'DELETE /api/tokens/tok_1'], ['token rotate tok_1 --json', 'POST /api/tokens/tok_1/rotate'], ['token rotate admin --json', 'POST /api/tokens/admin/rotate'],
    ['project delete proj_1', 'DELETE /api/projects/proj_1'],
    ['task create "Fix it" -p proj_1 --parent task_0 -c one -c two --status blocked --priority high --depends-on task_2 --member tm_1 --due 2026-01-31 --description d', 'POST /api/tasks', {
      projectId: 'proj_1', title: 'Fix it', parentId: 'task_0', acceptanceCriteria: ['one', 'two'], status: 'blocked', priority: 'high', dependencies: ['task_2'], teamMemberId: 'tm_1', dueDate: '2026-01-31', description: 'd' }],
    ['task list -p proj_1 --status in-progress --parent task_0 --ready', 'GET /api/tasks?projectId=proj_1&status=in_progress&parentId=task_0&ready=true&limit=200'],
    ['task ready', 'GET /api/tasks?ready=true&limit=200'],
    ['task show task_1', 'GET /api/tasks/task_1'],
    ['task update task_1 --parent none --member none --due none --depends-on none -c none --status in_review', 'PATCH /api/tasks/task_1', { parentId: null, teamMemberId: null, dueDate: null, dependencies: [], acceptanceCriteria: [], status: 'in_review' }],
    ['task delete task_1 --yes', 'DELETE /api/tasks/task_1'],
    ['task report completed done --task task_9 --session sess_1 --status in-review', 'POST /api/sessions/sess_1/timeline', { kind: 'task_completed', message: 'done', taskId: 'task_9', taskStatus: 'in_review' }],
    ['session report needs-input "which one?" --session sess_1', 'POST /api/sessions/sess_1/timeline', { kind: 'needs_input', message: 'which one?' }],
    ['team-member create Ada -p proj_1 --role dev --identity i --avatar a --provider x --model m --permission-mode deny --capability spawn --skill ts --memory r', 'POST /api/team-members', {
      projectId: 'proj_1', name: 'Ada', role: 'dev', identity: 'i', avatar: 'a', provider: 'x', model: 'm', permissionMode: 'deny', capabilities: ['spawn'], skills: ['ts'], memory: ['r'] }],
    ['team-member create Ada', 'POST /api/team-members', { name: 'Ada' }],
    ['team-member list --status active --scope global', 'GET /api/team-members?status=active&scope=global&limit=200'],
    ['team-member update tm_1 --provider none --skill none', 'PATCH /api/team-members/tm_1', { provider: null, skills: [] }],
    ['team-member archive tm_1', 'POST /api/team-members/tm_1/archive'], ['team-member unarchive tm_1', 'POST /api/team-members/tm_1/unarchive'], ['team-member delete tm_1', 'DELETE /api/team-members/tm_1'],
    ['team-member memory list tm_1', 'GET /api/team-members/tm_1/memory'],
    ['team-member memory add tm_1 "tabs are spaces"', 'POST /api/team-members/tm_1/memory', { text: 'tabs are spaces' }],
    ['team-member memory set tm_1 a b', 'PUT /api/team-members/tm_1/memory', { memory: ['a', 'b'] }], ['team-member memory set tm_1 none', 'PUT /api/team-members/tm_1/memory', { memory: [] }],
    ['session show sess_1', 'GET /api/sessions/sess_1'],
    ['session list --all -p proj_1 --task task_1 --parent sess_0', 'GET /api/sessions?projectId=proj_1&taskId=task_1&parentSessionId=sess_0&limit=200'],
    ['session list --status failed', 'GET /api/sessions?status=failed&limit=200'], ['session list --state error', 'GET /api/sessions?state=error&limit=200'],
    ['session pause sess_1', 'POST /api/sessions/sess_1/pause', {}], ['session resume sess_1', 'POST /api/sessions/sess_1/resume', {}], ['session interrupt sess_1 --reason r', 'POST /api/sessions/sess_1/interrupt', { reason: 'r' }],
    ['session continue sess_1 more --mode interactive --model m', 'POST /api/sessions/sess_1/continue', { initialDirective: 'more', mode: 'interactive', model: 'm' }],
    ['session rename sess_1 other', 'PATCH /api/sessions/sess_1', { name: 'other' }],
    ['session delete sess_1', 'DELETE /api/sessions/sess_1'], ['session manifest sess_1', 'GET /api/sessions/sess_1/manifest'], ['session manifest sess_1 --input', 'GET /api/sessions/sess_1/manifest/input'],
    ['mail send hello --to sess_2 --subject s --type query --priority high --from sess_1 --keep-for-continuation', 'POST /api/mail', { toSessionId: 'sess_2', fromSessionId: 'sess_1', type: 'query', subject: 's', priority: 'high', body: 'hello', keepForContinuation: true }],
    ['mail send hello --to children --from sess_1', 'POST /api/mail', { to: { kind: 'children' }, fromSessionId: 'sess_1', body: 'hello' }],
    ['mail send hello --to project:proj_2', 'POST /api/mail', { to: { kind: 'project', id: 'proj_2' }, body: 'hello' }], ['mail send hello --to project', 'POST /api/mail', { to: { kind: 'project' }, body: 'hello' }],
    ['mail send hello --to member:tm_1', 'POST /api/mail', { to: { kind: 'team_member', id: 'tm_1' }, body: 'hello' }],
    ['mail reply mail_1 yes', 'POST /api/mail', { replyToMailId: 'mail_1', body: 'yes' }],
    ['mail inbox sess_1 --unread --state queued', 'GET /api/mail/inbox/sess_1?unread=true&state=queued&limit=200'], ['mail show mail_1', 'GET /api/mail/mail_1'], ['mail read mail_1', 'POST /api/mail/mail_1/read'],
    ['mail list -p proj_1 --thread mail_1 --from sess_1 --to sess_2 --state read', 'GET /api/mail?projectId=proj_1&threadId=mail_1&fromSessionId=sess_1&toSessionId=sess_2&state=read&limit=200'],
    ['mail delete mail_1', 'DELETE /api/mail/mail_1'],
    ['audit --actor nobody --on sess_1 --refused --since 2026-01-31', 'GET /api/audit?actor=nobody&on=sess_1&refused=true&since=2026-01-31&limit=200'],
    ['ordering show task -p proj_1', 'GET /api/ordering/task/proj_1'], ['ordering set session a b -p proj_1', 'PUT /api/ordering/session/proj_1', { ids: ['a', 'b'] }],
    ['ordering set task none -p proj_1', 'PUT /api/ordering/task/proj_1', { ids: [] }], ['ordering move task a -p proj_1 --after b', 'POST /api/ordering/task/proj_1/move', { id: 'a', after: 'b' }],
    ['spawn go -p proj_1 --mcp-server {"name":"a","command":"/a"} --mcp-server {"name":"b","command":"/b"}', 'POST /api/sessions/spawn', { projectId: 'proj_1', initialDirective: 'go', mcpServers: [{ name: 'a', command: '/a' }, { name: 'b', command: '/b' }] }],
    ['runner drain slot-0', 'POST /api/runners/slot-0/drain'], ['runner undrain slot-0', 'POST /api/runners/slot-0/undrain'],
    ['spawn go -p proj_1 --runner-label gpu=a100 --runner-label zone=eu --priority -5', 'POST /api/sessions/spawn', { projectId: 'proj_1', initialDirective: 'go', runnerLabels: { gpu: 'a100', zone: 'eu' }, priority: -5 }],
    ['project update proj_1 --runner-label none --max-sessions none', 'PATCH /api/projects/proj_1', { runnerLabels: {}, maxSessions: null }],
    ['team-member update tm_1 --runner-label zone=eu', 'PATCH /api/team-members/tm_1', { runnerLabels: { zone: 'eu' } }], ['team-member update tm_1 --runner-label none', 'PATCH /api/team-members/tm_1', { runnerLabels: null }],
    ['runner list', 'GET /api/runners'], ['provider list', 'GET /api/providers'],
    ['notification list -u --session sess_1 --type notify:progress --type notify:needs-input', 'GET /api/notifications?unread=true&sessionId=sess_1&types=notify%3Aprogress%2Cnotify%3Aneeds_input&limit=200'], ['notification show ntf_1', 'GET /api/notifications/ntf_1'],
    ['notification read ntf_1', 'POST /api/notifications/ntf_1/read'], ['notification unread ntf_1', 'POST /api/notifications/ntf_1/unread'], ['notification read-all --up-to ntf_1', 'POST /api/notifications/read', { upTo: 'ntf_1' }],
    ['webhook create https://example.org/ --name n --type notify:progress --inactive', 'POST /api/webhooks', { url: 'https://example.org/', name: 'n', types: ['notify:progress'], active: false }],
    ['webhook update whk_1 --active -p none', 'PATCH /api/webhooks/whk_1', { active: true, projectId: null }], ['webhook list -p proj_1', 'GET /api/webhooks?projectId=proj_1&limit=200'], ['webhook show whk_1', 'GET /api/webhooks/whk_1'],
    ['webhook delete whk_1', 'DELETE /api/webhooks/whk_1'], ['webhook secret whk_1', 'GET /api/webhooks/whk_1/secret'], ['webhook rotate-secret whk_1', 'POST /api/webhooks/whk_1/rotate-secret'],
    ['webhook test whk_1', 'POST /api/webhooks/whk_1/test'], ['webhook deliveries whk_1 --state parked', 'GET /api/webhooks/whk_1/deliveries?state=parked&limit=200'],
    ['webhook retry whk_1 dlv_1', 'POST /api/webhooks/whk_1/deliveries/dlv_1/retry'],
  ])('%s', async (line, request, body = {}) => {
    const ran = await cli(line);

    expect(ran.err).toBe('');
    expect(ran.code).toBe(0);
    expect(home.api.sent.map(({ method, path, body: sent }) => [`${method} ${path}`, sent])).toEqual([[request, body]]);
  });

  it('carries the revision that is to be changed, and the key of the call', async () => {
    await cli('task update task_1 --title t --if-match 7 --idempotency-key k');
    await cli('project delete proj_1 --if-match 3');

    expect(home.api.sent.map(({ key, ifMatch }) => [key, ifMatch])).toEqual([['k', '"7"'], [expect.stringMatching(/.{30}/), '"3"']]);
  });

  it('in a session is about that session, its project and its task', async () => {
    for (const line of ['mail inbox', 'mail send hello --to children', 'mail send hello --to project', 'task report started go', 'task list', 'task create t', 'ordering show task', 'session list --all', 'mail list', 'spawn go']) {
      expect({ line, ...await cli(line, { env: agent() }) }).toMatchObject({ code: 0 });
    }

    expect(home.api.sent.map(({ method, path, body }) => [`${method} ${path}`, body])).toEqual([
      ['GET /api/mail/inbox/sess_1?limit=200', {}], ['POST /api/mail', { to: { kind: 'children' }, body: 'hello' }], ['POST /api/mail', { to: { kind: 'project', id: 'proj_1' }, body: 'hello' }],
      ['POST /api/sessions/sess_1/timeline', { kind: 'task_started', message: 'go', taskId: 'task_1' }], ['GET /api/tasks?projectId=proj_1&limit=200', {}], ['POST /api/tasks', { projectId: 'proj_1', title: 't' }],
      ['GET /api/ordering/task/proj_1', {}], ['GET /api/sessions?projectId=proj_1&limit=200', {}], ['GET /api/mail?projectId=proj_1&limit=200', {}],
      ['POST /api/sessions/spawn', { projectId: 'proj_1', initialDirective: 'go', parentSessionId: 'sess_1' }],
    ]);
    expect(home.api.sent.every(({ token }) => token === 'Bearer oma_mine')).toBe(true);
  });

  it('writes to who started the session', async () => {
    home.api.on('GET /api/sessions/sess_1', [200, { ...anything('sess_1'), parentSessionId: 'sess_0' }], [200, { ...anything('sess_1'), parentSessionId: null }]);

    expect((await cli('mail send done --to parent', { env: agent() })).code).toBe(0);
    expect(await cli('mail send done --to parent', { env: agent() })).toMatchObject({ code: 3, err: expect.stringContaining('no parent') });
    expect(home.api.sent.filter(({ method }) => method === 'POST').map(({ body }) => body)).toEqual([{ toSessionId: 'sess_0', body: 'done' }]);
  });

  it('reads a text from stdin where - stands for it', async () => {
    await cli('mail send - --to sess_2', { stdin: 'two\nlines\n' });
    await cli('task create t -p proj_1 --description -', { stdin: 'long' });
    await cli('team-member memory set tm_1 -', { stdin: 'one\n\ntwo\n' });

    expect(home.api.sent.map(({ body }) => body)).toEqual([{ toSessionId: 'sess_2', body: 'two\nlines' }, { projectId: 'proj_1', title: 't', description: 'long' }, { memory: ['one', 'two'] }]);
  });

  it('moves a task below another, and beside one: under the same parent, and placed', async () => {
    home.api.on('GET /api/tasks/task_2', [200, { ...anything('task_2'), parentId: 'task_0' }]).on('PATCH /api/tasks/task_1', [200, { ...anything('task_1'), parentId: 'task_0' }]);

    expect((await cli('task move task_1 --before task_2')).out).toBe('task_1: part of task_0, before task_2\n');
    expect(home.api.sent.map(({ method, path, body }) => [`${method} ${path}`, body])).toEqual([
      ['GET /api/tasks/task_1', {}], ['GET /api/tasks/task_2', {}], ['PATCH /api/tasks/task_1', { parentId: 'task_0' }], ['POST /api/ordering/task/proj_1/move', { id: 'task_1', before: 'task_2' }]]);
  });
});

describe('what is asked of nobody', () => {
  it.each([
    'project update proj_1', 'task update task_1', 'task create t', 'task move task_1', 'task move task_1 --before a --after b', 'task report completed done', 'task report lies x --session s', 'mail send hello',
    'mail send hello --to nobody:x', 'mail inbox', 'mail wait', 'ordering show task', 'ordering show house -p proj_1', 'ordering move task a -p proj_1', 'ordering move task a -p proj_1 --before b --after c', 'ordering set task -p proj_1',
    'team-member memory set tm_1 - none', 'session attach sess_1 --input x', 'session report progress m', 'wait', 'wait s --for rain', 'wait s --timeout soon', 'manifest generate', 'events --filter x=1',
    'events --filter project=proj_a --project proj_b', 'completion tcsh', 'task list --status later', 'task list --limit 0', 'project', 'team-member memory', 'webhook deliveries w --state lost',
  ])('%s comes to 2', async (line) => {
    const ran = await cli(line);

    expect(ran).toMatchObject({ code: 2, out: '', err: expect.stringMatching(/./) });
    expect(home.api.sent).toEqual([]);
  });
});

describe('a delete', () => {
  it.each([['y\n', 0, 1], ['\n', 1, 0], ['no\n', 1, 0]])('asks on a terminal: %j', async (typed, code, sent) => {
    const ran = cli('project delete proj_1', { typed });

    expect(await ran).toMatchObject({ code, err: expect.stringContaining('Delete proj_1? [y/N] ') });
    expect(home.api.sent).toHaveLength(sent);
  });

  it('asks nobody who said --yes, and nobody who cannot answer', async () => {
    expect(await cli('project delete proj_1 --yes', { typed: '' })).toMatchObject({ code: 0, err: '', out: 'proj_1: deleted\n' });
    expect(await cli('project delete proj_1')).toMatchObject({ code: 0, err: '' });
  });
});

describe('a list', () => {
  it('is read to its end, page by page, and cut where it is told to', async () => {
    home.api.on('GET /api/projects?limit=200', [200, { items: [anything('a'), anything('b')], nextCursor: 'c' }]).on('GET /api/projects?cursor=c&limit=200', [200, { items: [anything('d')], nextCursor: null }])
      .on('GET /api/projects?limit=3', [200, { items: [anything('a'), anything('b'), anything('d')], nextCursor: null }]);

    const all = await cli('project list --json');
    const two = await cli('project list --json --limit 2');

    expect(all.out.trim().split('\n').map((line) => (JSON.parse(line) as { id: string }).id)).toEqual(['a', 'b', 'd']);
    expect(two).toMatchObject({ code: 0, err: '{"note":"… and more than these 2; see --limit"}\n' });
    expect(two.out.trim().split('\n')).toHaveLength(2);
  });

  it('is a table to a person, safe from what it shows', async () => {
    home.api.on('GET /api/projects*', [200, { items: [{ ...anything('proj_1'), name: 'a\u001b[2J\nb' }], nextCursor: null }]);

    expect((await cli('project list')).out).toBe('PROJECT  DIRECTORY  NAME\nproj_1   /work      a␛[2J b\n');
  });

  it('says that there is nothing', async () => {
    home.api.on('GET /api/mail*', [200, { items: [], nextCursor: null }]);

    expect(await cli('mail list')).toEqual({ code: 0, out: 'No mail.\n', err: '' });
    expect(await cli('mail list --json')).toEqual({ code: 0, out: '', err: '' });
  });
});
