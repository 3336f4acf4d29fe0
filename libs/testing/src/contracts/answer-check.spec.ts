import { describe, expect, it } from '@jest/globals';
import { answerProblem, operationAt, type HttpAnswer } from './answer-check.js';

const AT = '2026-01-01T00:00:00.000Z';
const project = { id: 'proj_1', name: 'One', workingDir: '/one', description: '', createdAt: AT, updatedAt: AT, revision: 1 };
const problem = (code: string) => ({ type: 'urn:x', title: 'No.', status: 404, code, detail: 'No.', traceId: 't' });
const json = { 'content-type': 'application/json; charset=utf-8' };
const made = { ...json, etag: '"1"', location: '/api/projects/proj_1', 'x-orbitmesh-cursor': 'log.7' };

function answer(more: Partial<Omit<HttpAnswer, 'headers'>> & { headers?: Record<string, string> } = {}): HttpAnswer {
  const { headers = { ...json, etag: '"1"' }, ...rest } = more;
  return { method: 'GET', path: '/api/projects/proj_1', status: 200, body: project, ...rest, headers: new Headers(headers) };
}
const refused = (code: string, status = 404) => answer({ status, body: problem(code), headers: { 'content-type': 'application/problem+json' } });

describe('checking an answer against the OpenAPI document', () => {
  it('finds the operation: a fixed path before one with a parameter in its place', () => {
    expect(operationAt('GET', '/api/mail/inbox/sess_1?unread=true')?.id).toBe('mail.inbox');
    expect(operationAt('GET', '/api/mail/mail_1')?.id).toBe('mail.get');
    expect(operationAt('POST', '/api/sessions/spawn')?.id).toBe('sessions.spawn');
    expect(operationAt('PUT', '/api/projects')).toBeUndefined();
  });

  it('takes what it says', () => {
    expect(answerProblem(answer())).toBeNull();
    expect(answerProblem(answer({ method: 'POST', path: '/api/projects', status: 201, headers: made }))).toBeNull();
    expect(answerProblem(answer({ method: 'DELETE', status: 204, body: null, headers: { 'x-orbitmesh-cursor': 'log.8' } }))).toBeNull();
    expect(answerProblem(refused('PROJECT_NOT_FOUND'))).toBeNull();
    expect(answerProblem(refused('INTERNAL', 500))).toBeNull();
    expect(answerProblem({ ...refused('NOT_FOUND'), path: '/nothing' })).toBeNull();
  });

  it.each([
    ['a status it does not say', answer({ status: 202 }), /202 is no answer of projects\.get/],
    ['a header that is missing', answer({ headers: json }), /lacks ETag/],
    ['another media type', answer({ headers: { etag: '"1"', 'content-type': 'text/html' } }), /is text\/html, not application\/json/],
    ['a field more', answer({ body: { ...project, owner: 'me' } }), /owner/],
    ['a field less', answer({ body: { ...project, name: undefined } }), /name/],
    ['a body where there is none', answer({ method: 'DELETE', status: 204, headers: { 'x-orbitmesh-cursor': 'log.8' } }), /has a body/],
    ['a code that it cannot be refused with', refused('TASK_NOT_FOUND'), /code.*PROJECT_NOT_FOUND/],
    ['success where no operation is', answer({ path: '/api/gossip' }), /comes from no operation/],
    ['a refusal that is no problem', answer({ path: '/api/gossip', status: 404, body: { error: 'no' } }), /must have required property/],
  ])('refuses %s', (_what, given, says) => {
    expect(answerProblem({ ...given, body: given.body === null ? null : JSON.parse(JSON.stringify(given.body)) })).toMatch(says);
  });
});
