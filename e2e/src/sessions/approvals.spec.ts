import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Approval, Project } from '@orbitmesh/domain';
import { eventually, processesNaming } from '@orbitmesh/testing';
import { WebSocket } from 'ws';
import { Scenario } from '../support/scenario.js';

const SERVICES = ['provider-runner/slot-0', 'session-service', 'api-gateway'] as const;

describe('an approval', () => {
  let scenario: Scenario;
  let project: Project;

  beforeAll(async () => {
    scenario = await Scenario.start();
    project = await scenario.project();
  }, 90_000);
  afterAll(() => scenario.stop(), 30_000);

  const approvals = async (id: string): Promise<Approval[]> => (await scenario.api.get<{ items: Approval[] }>(`/api/sessions/${id}/approvals`)).items;
  const asking = async (): Promise<{ id: string; approval: Approval }> => {
    const { id } = await scenario.spawn(project.id, { permissionMode: 'ask' });
    await scenario.until(id, ({ needsInput }) => needsInput?.active === true, 'its question');
    const [approval] = await approvals(id);
    return { id, approval };
  };

  it('that two clients answer at once has one answer: one 200, one 409 that names the winner', async () => {
    const { id, approval } = await asking();
    const path = `/api/sessions/${id}/approvals/${approval.id}`;

    const answers = await Promise.all(['allow', 'deny'].map((decision) => scenario.api.request('POST', path, { body: { decision } })));

    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    const winner = answers.find(({ status }) => status === 200)!.body as unknown as Approval;
    const { decision, at } = winner.answer!;
    expect(answers.find(({ status }) => status === 409)!.body).toMatchObject({ code: 'APPROVAL_ALREADY_ANSWERED', by: 'admin', decision, at });
    expect(await approvals(id)).toMatchObject([{ id: approval.id, state: 'answered', answer: { decision } }]);
    await scenario.ended(id);
  }, 60_000);

  it('is still there and answerable after the runner, session-service and the gateway were killed, one by one and all at once', async () => {
    const { id, approval } = await asking();
    for (const services of [...SERVICES.map((one) => [one]), SERVICES]) {
      await Promise.all(services.map((service) => scenario.stack.kill(service)));
      await scenario.stack.waitReady();
      expect(await eventually(() => approvals(id), { what: 'the approvals' })).toEqual([approval]);
      expect(await scenario.session(id)).toMatchObject({ state: 'running', activity: 'waiting_approval', needsInput: { active: true, source: 'approval' } });
    }

    const socket = new WebSocket(`${scenario.stack.url.replace('http', 'ws')}/ws`, { headers: { authorization: `Bearer ${scenario.stack.token}` } });
    const frames: { type: string; id?: string; code?: string; approval?: Approval; details?: object }[] = [];
    socket.on('message', (data: Buffer) => { frames.push(JSON.parse(data.toString()) as (typeof frames)[number]); });
    const answer = { type: 'answer_approval', sessionId: id, approvalId: approval.id };
    socket.on('open', () => {
      socket.send(JSON.stringify({ ...answer, id: 'first', decision: 'allow' }));
      socket.send(JSON.stringify({ ...answer, id: 'second', decision: 'deny' }));
    });
    await eventually(() => frames.length === 2, { what: 'both answers' });
    socket.terminate();

    expect(frames[0]).toMatchObject({ type: 'approval_answered', id: 'first', approval: { id: approval.id, answer: { decision: 'allow' } } });
    expect(frames[1]).toMatchObject({ type: 'error', id: 'second', code: 'APPROVAL_ALREADY_ANSWERED', details: { by: 'admin', decision: 'allow' } });
    expect(await scenario.ended(id)).toMatchObject({ status: 'completed' });
    expect(await approvals(id)).toMatchObject([{ delivered: true }]);
    await eventually(async () => (await processesNaming(`ORBITMESH_SESSION_ID=${id}`)).length === 0, { what: 'nothing of the agent left' });
  }, 120_000);
});
