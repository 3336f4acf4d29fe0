import { describe, expect, it } from '@jest/globals';
import type { EventEnvelope } from '@orbitmesh/domain';
import { SCHEMAS } from '@orbitmesh/contracts/schemas';
import { assertAnswer, assertEvent, eventProblem, schemaProblem } from './schema-check.js';

const AT = '2026-01-01T00:00:00.000Z';
const envelope = { seq: 7, cursor: 'in_test-1.7', id: 'evt_7', timestamp: AT, commitEnd: true };
const said: EventEnvelope = { ...envelope, type: 'output', projectId: 'proj_1', sessionId: 'sess_1', sessionSeq: 3, data: { content: 'hello', stream: 'agent' } };
const project = { id: 'proj_1', name: 'One', workingDir: '/one', description: '', createdAt: AT, updatedAt: AT, revision: 1 };

describe('checking an event against the catalogue', () => {
  it('takes one that is as its type says', () => {
    expect(() => assertEvent(said)).not.toThrow();
    expect(() => assertEvent({ ...envelope, type: 'project:created', projectId: 'proj_1', data: project })).not.toThrow();
  });

  it.each([
    ['a type nobody knows', { type: 'gossip' }, 'no event of type gossip'],
    ['a field its data does not have', { data: { content: 'hello', colour: 'red' } }, 'colour'],
    ['data of another event', { data: { tokensIn: 1 } }, 'content'],
    ['an id its envelope never carries', { taskId: 'task_1' }, '/taskId'],
    ['no session', { sessionId: undefined }, 'sessionId'],
    ['a session but no number in it', { sessionSeq: undefined }, 'sessionSeq'],
    ['no number', { seq: undefined }, 'seq'],
  ])('refuses one with %s', (_what, change, says) => {
    const event = JSON.parse(JSON.stringify({ ...said, ...change })) as EventEnvelope;
    expect(eventProblem(event)).toContain(says);
    expect(() => assertEvent(event)).toThrow(/docs\/events\.md/);
  });

  it('wants the number in a session only where there is one', () => {
    const mail = { id: 'mail_1', projectId: 'proj_1', fromSessionId: null, toSessionId: null, threadId: 'mail_1' };
    const deleted: EventEnvelope = { ...envelope, type: 'mail:deleted', projectId: 'proj_1', data: mail };
    expect(eventProblem(deleted)).toBeNull();
    expect(eventProblem({ ...deleted, sessionId: 'sess_1' })).toContain('sessionSeq');
  });
});

describe('checking an answer', () => {
  it('takes what the schema of its name says, and nothing else', () => {
    expect(() => assertAnswer('Project', project)).not.toThrow();
    expect(() => assertAnswer('ProjectPage', { items: [project], nextCursor: null })).not.toThrow();
    expect(() => assertAnswer('Project', { ...project, revision: '1' })).toThrow(/revision/);
    expect(() => assertAnswer('ProjectPage', { items: [{ ...project, owner: 'me' }], nextCursor: null })).toThrow(/owner/);
  });

  it('can be asked of every type that is published', () => {
    for (const name of Object.keys(SCHEMAS.$defs)) expect(() => schemaProblem(name, {})).not.toThrow();
  });
});
