import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AppError } from '@orbitmesh/domain';
import { SessionRpc, type ServerFrame } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { WebSocket } from 'ws';
import { Listener } from '../testing/listener.js';
import { TestGateway } from '../testing/test-gateway.js';

describe('an answer to an approval, by WebSocket', () => {
  let gateway: TestGateway;
  let socket: WebSocket;
  let frames: ServerFrame[];

  beforeEach(async () => {
    gateway = await TestGateway.start();
    frames = [];
    socket = new WebSocket(`ws://127.0.0.1:${gateway.port}/ws`, { headers: { authorization: `Bearer ${gateway.token}` } });
    socket.on('message', (data: Buffer) => { frames.push(JSON.parse(data.toString()) as ServerFrame); });
    await once(socket, 'open');
  });
  afterEach(async () => {
    socket.terminate();
    await gateway.stop();
  });

  const answer = { type: 'answer_approval', id: 'a1', sessionId: 'sess_1', approvalId: 'appr_1', decision: 'allow' };
  const said = async (frame: object): Promise<ServerFrame> => {
    const before = frames.length;
    socket.send(JSON.stringify(frame));
    return eventually(() => frames[before]);
  };

  it('is given as its sender, under its id as the key, and comes back with that id', async () => {
    expect(await said(answer)).toMatchObject({ type: 'approval_answered', id: 'a1', approval: { id: 'appr_1' } });
    expect(await said({ ...answer, id: undefined, decision: undefined, optionId: 'once', reason: 'fine' })).toEqual({ type: 'approval_answered', approval: expect.anything() });

    const [first, second] = gateway.service.requestsOf(SessionRpc.answerApproval).map(({ req }) => req);
    expect(first).toMatchObject({ id: 'sess_1', approvalId: 'appr_1', decision: 'allow', meta: { actor: { kind: 'admin' }, idempotency: { key: 'a1' } } });
    expect(second).toMatchObject({ optionId: 'once', reason: 'fine' });
    expect(second.meta).not.toHaveProperty('idempotency');
  });

  it('that comes second is told who answered first, and the socket goes on', async () => {
    gateway.service.answers.set(SessionRpc.answerApproval.name, () => {
      throw new AppError('APPROVAL_ALREADY_ANSWERED', 'admin answered first: deny.', { by: 'admin', decision: 'deny' });
    });
    expect(await said(answer)).toEqual({ type: 'error', id: 'a1', code: 'APPROVAL_ALREADY_ANSWERED', detail: 'admin answered first: deny.', details: { by: 'admin', decision: 'deny' } });
    expect(await said({ type: 'ping' })).toEqual({ type: 'pong' });
  });

  it.each([
    ['no session', { sessionId: undefined }], ['a bad id', { approvalId: '../x' }], ['both an option and a decision', { optionId: 'once' }],
    ['neither', { decision: undefined }], ['an unknown key', { by: 'me' }], ['a key that is none', { id: 'a b' }],
  ])('with %s is refused, and asks nobody', async (_what, change) => {
    expect(await said({ ...answer, ...change })).toMatchObject({ type: 'error', code: 'VALIDATION_FAILED', id: 'id' in change ? change.id : 'a1' });
    expect(gateway.service.requestsOf(SessionRpc.answerApproval)).toEqual([]);
  });

  it.each(['a user who may only look', 'an agent'])('by %s is refused, and asks nobody', async (who) => {
    gateway.service.agents.set('oma_sess_1_1_mac', { sessionId: 'sess_1', projectId: 'proj_1', taskIds: [] });
    const user = await gateway.send('POST', '/api/tokens', { body: { name: 'viewer', scopes: ['read'] } });
    const listener = await Listener.connect(gateway, who === 'an agent' ? 'oma_sess_1_1_mac' : user.body['token'] as string);
    listener.say(answer);

    expect(await listener.next('error')).toMatchObject({ id: 'a1', code: 'FORBIDDEN' });
    expect(gateway.service.requestsOf(SessionRpc.answerApproval)).toEqual([]);
    listener.ws.terminate();
  });

  it('is taken from no socket whose token has ended meanwhile', async () => {
    const { body } = await gateway.send('POST', '/api/tokens', { body: { name: 'Ann' } });
    const listener = await Listener.connect(gateway, body['token'] as string);
    const revoked = gateway.send('DELETE', `/api/tokens/${String(body['id'])}`).then(() => listener.say(answer));

    expect((await eventually(() => listener.closed)).code).toBe(4001);
    await revoked;
    expect(gateway.service.requestsOf(SessionRpc.answerApproval)).toEqual([]);
  });

  it('says nothing of our insides when we fail', async () => {
    gateway.service.answers.set(SessionRpc.answerApproval.name, () => { throw new AppError('STORAGE_FULL', undefined, { path: '/home/x' }); });
    expect(await said(answer)).toEqual({ type: 'error', id: 'a1', code: 'STORAGE_FULL', detail: expect.any(String) });
  });
});
