import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CLIENT_FRAMES, EventFilterDto, fieldsOf, type ClientFrame } from '@orbitmesh/contracts';
import { CONTROLLERS } from '../api/controllers.js';
import { RouteTable } from '../http/route-table.js';
import { Listener } from '../testing/listener.js';
import { TestGateway } from '../testing/test-gateway.js';
import { CALLERS, frameRows, frameVerdict, permissionsOf, type Caller, type FrameRow, type PermissionRow, type Verdict } from './permissions.js';
import { hashOf, newSecret } from './secret.js';

/** What a route needs beside what its method says. Whoever adds to these decides it here. */
const BY_ADMIN_ALONE = ['POST /api/tokens', 'GET /api/tokens', 'GET /api/tokens/{id}', 'DELETE /api/tokens/{id}', 'POST /api/tokens/{id}/rotate', 'GET /api/audit'];
const OTHER_SCOPES = { 'GET /api/mail/wait/{sessionId}': 'write', 'GET /api/webhooks/{id}/secret': 'write', 'POST /api/tickets': 'read' };
const OPEN = ['GET /health/live', 'GET /health/ready', 'GET /openapi.json'];

const AGENT = { sessionId: 'sess_1', projectId: 'proj_1', taskIds: ['task_1'] };
const STRANGER = { sessionId: 'sess_2', projectId: 'proj_2', taskIds: ['task_2'] };
const rows = permissionsOf(CONTROLLERS).map((row): [string, PermissionRow] => [`${row.operation.method.toUpperCase()} ${row.operation.path}`, row]);

let gateway: TestGateway;
let tokens: Record<Caller, string | null>;
beforeAll(async () => {
  gateway = await TestGateway.start();
  const made = async (scopes?: string[]) => (await gateway.send('POST', '/api/tokens', { body: { name: 'x', scopes } })).body as { id: string; token: string };
  const expired = newSecret('omu_');
  await writeFile(join(gateway.home, 'api-gateway', 'tokens', `${hashOf(expired).toString('hex')}.json`),
    JSON.stringify({ schemaVersion: 1, id: 'tok_old', name: 'x', scopes: ['read', 'write'], createdAt: '2026-01-01T00:00:00Z', expiresAt: '2026-01-02T00:00:00Z' }));
  const revoked = await made();
  await gateway.send('DELETE', `/api/tokens/${revoked.id}`);
  gateway.service.agents.set('oma_sess_1_2_mac', AGENT).set('oma_sess_2_1_mac', STRANGER);
  tokens = {
    nobody: null, admin: gateway.token, read: (await made(['read'])).token, write: (await made(['write'])).token, both: (await made()).token,
    agent: 'oma_sess_1_2_mac', stranger: 'oma_sess_2_1_mac', expired, revoked: revoked.token,
  };
});
afterAll(async () => {
  Listener.terminateAll();
  await gateway.stop();
});
beforeEach(() => { gateway.service.asked.length = 0; });

/** What it comes to here: past the gateway, who asks is told to the service that knows what belongs to whom. */
async function outcome({ operation: { method, path } }: PermissionRow, caller: Caller): Promise<Verdict | 'passed on'> {
  const named: Record<string, string> = { id: path.startsWith('/api/sessions') ? 'sess_1' : path.startsWith('/api/projects') ? 'proj_1' : 'any_1', sessionId: 'sess_1', projectId: 'proj_1', entityType: 'task' };
  const url = path.replace(/\{(\w+)\}/g, (_all, name: string) => named[name] ?? 'any_1') + (path.includes('/wait/') ? '?timeout=0' : '');
  // Read to its end, a stream would not come to one.
  const { status } = await gateway.send(path === '/api/events/stream' ? 'HEAD' : method.toUpperCase(), url, { token: tokens[caller] });
  if (status === 401 || status === 403) return `${status}`;
  const { agent, stranger } = { agent: AGENT, stranger: STRANGER };
  const self = caller === 'agent' ? agent : caller === 'stranger' ? stranger : null;
  const asked = gateway.service.asked.filter(({ name }) => !['token.verify', 'events.head', 'events.page'].includes(name));
  if (self === null || asked.length === 0) return 'yes';
  for (const { req } of asked) expect((req['meta'] as { actor?: object } | undefined)?.actor ?? req['reader']).toEqual({ kind: 'agent', sessionId: self.sessionId });
  return 'passed on';
}

/** What the service that is told who asks decides, e2e/src/agents/agent-access.spec.ts sees on a real stack. */
function fits(seen: Verdict | 'passed on', wanted: Verdict, { operation: { agents } }: PermissionRow): boolean {
  const isDecidedThere = agents === 'its-project' || agents === 'its-own';
  return seen === wanted || (seen === 'passed on' && (wanted === 'yes' || isDecidedThere)) || (seen === 'yes' && isDecidedThere && wanted !== '401');
}

describe('the permission matrix', () => {
  it('has a row for every route there is, and for no other', () => {
    const routes = gateway.app.get(RouteTable).all().filter(({ method }) => method !== 'HEAD').map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);

    expect(rows.map(([route]) => route).sort()).toEqual(routes.sort());
  });

  it("opens nothing to everybody, closes nothing to users and asks for no other scope but where that was decided", () => {
    const of = (wanted: (row: PermissionRow) => boolean): string[] => rows.filter(([, row]) => wanted(row)).map(([route]) => route).sort();

    expect(of(({ operation }) => !operation.guarded)).toEqual([...OPEN].sort());
    expect(of(({ operation }) => operation.adminOnly)).toEqual([...BY_ADMIN_ALONE].sort());
    expect(Object.fromEntries(rows.flatMap(([route, { operation: { method, scope } }]) => ((method === 'get') === (scope === 'read') ? [] : [[route, scope]])))).toEqual(OTHER_SCOPES);
  });

  it.each(rows)('%s: is to each caller what its row says', async (_route, row) => {
    const wrong: string[] = [];
    for (const caller of CALLERS) {
      gateway.service.asked.length = 0;
      const seen = await outcome(row, caller);
      if (!fits(seen, row.verdicts[caller], row)) wrong.push(`${caller}: ${seen}, not ${row.verdicts[caller]}`);
    }

    expect(wrong).toEqual([]);
  });
});

describe('on /ws', () => {
  const SAMPLES: Readonly<Record<ClientFrame, { say: object; hear: string }>> = {
    subscribe: { say: { type: 'subscribe' }, hear: 'subscribed' }, unsubscribe: { say: { type: 'unsubscribe' }, hear: 'pong' }, ping: { say: { type: 'ping' }, hear: 'pong' },
    answer_approval: { say: { type: 'answer_approval', id: 'a', sessionId: 'sess_1', approvalId: 'appr_1', decision: 'allow' }, hear: 'approval_answered' },
  };

  async function said({ frame }: FrameRow, caller: Caller): Promise<string> {
    const listener = await Listener.connect(gateway, tokens[caller] ?? 'omu_none').catch((error: Error) => /\d{3}/.exec(error.message)![0]);
    if (typeof listener === 'string') return listener;
    if (frame === 'the upgrade') return 'yes';
    listener.say(SAMPLES[frame].say);
    await listener.settled();
    const [first] = listener.frames;
    return first.type === 'error' ? first.code === 'FORBIDDEN' ? '403' : first.code : first.type === SAMPLES[frame].hear ? 'yes' : first.type;
  }

  it.each(frameRows().map((row): [string, FrameRow] => [row.frame, row]))('%s: is to each caller what its row says', async (_frame, row) => {
    const seen = await Promise.all(CALLERS.map(async (caller) => [caller, await said(row, caller)]));

    expect(seen).toEqual(CALLERS.map((caller) => [caller, frameVerdict(row, caller)]));
  });

  it('every frame that there is has a row', () => {
    expect(frameRows().map(({ frame }) => frame)).toEqual(['the upgrade', ...CLIENT_FRAMES]);
  });
});

describe('a filter', () => {
  const OWN = { sessionId: 'sess_1', projectId: 'proj_1' };
  const OTHER = { sessionId: 'sess_2', projectId: 'proj_2' };
  /** 1: the session; 2: its task; 3: another session of its project; 4, 5: another project. */
  const EVENTS = [{ ...OWN }, { type: 'task:updated', projectId: 'proj_1', taskId: 'task_1' }, { ...OWN, sessionId: 'sess_3' }, { ...OTHER }, { type: 'task:updated', projectId: 'proj_2', taskId: 'task_2' }];
  type Case = [shows: string, filter: object, people: number[], agent: number[]];
  const CASES: Readonly<Record<'none' | keyof EventFilterDto, Case[]>> = {
    none: [['everything', {}, [1, 2, 3, 4, 5], [1, 2]]],
    sessionIds: [['its own', { sessionIds: ['sess_1'] }, [1], [1]], ["another's", { sessionIds: ['sess_2', 'sess_3'] }, [3, 4], []]],
    projectId: [['its own', { projectId: 'proj_1' }, [1, 2, 3], [1, 2]], ["another's", { projectId: 'proj_2' }, [4, 5], []]],
    taskIds: [['its own', { taskIds: ['task_1'] }, [2], [2]], ["another's", { taskIds: ['task_2'] }, [5], []]],
    types: [['of a kind', { types: ['task:*'] }, [2, 5], [2]], ['of all', { types: ['output', 'task:*'] }, [1, 2, 3, 4, 5], [1, 2]]],
  };

  it('has a case for every field there is', () => {
    expect(Object.keys(CASES).sort()).toEqual(['none', ...fieldsOf(EventFilterDto)!.keys()].sort());
  });

  it.each(Object.entries(CASES).flatMap(([field, cases]) => cases.map(([shows, ...rest]): [string, string, object, number[], number[]] => [field, shows, ...rest])))(
    '%s, %s: shows no more than its token does', async (_field, _shows, filter, people, agent) => {
      const before = gateway.service.length;
      const after = gateway.service.head;
      gateway.service.commit(EVENTS as never);
      for (const caller of ['admin', 'read', 'both', 'agent'] as const) {
        const listener = await Listener.subscribed(gateway, filter, after, tokens[caller]!);
        const all = await Listener.subscribed(gateway, {}, after);
        await all.next('event', EVENTS.length);
        await listener.settled();
        expect([caller, listener.seqs.map((seq) => seq - before)]).toEqual([caller, caller === 'agent' ? agent : people]);
      }
    });
});
