import { describe, expect, it } from '@jest/globals';
import { AnyRunnerRpc, defineRpc, NotifierRpc, RunnerRpc, SessionRpc, Topics } from '@orbitmesh/contracts';
import { queueGroup, requestSubject, topicSubject } from './subjects.js';

describe('subjects', () => {
  it('put the installation into every subject', () => {
    expect(requestSubject('in_a', SessionRpc.spawn)).toBe('om.v1.in_a.req.session.session.spawn');
    expect(requestSubject('in_a', AnyRunnerRpc.resolveDirectory)).toBe('om.v1.in_a.req.anyRunner.resolveDirectory');
    expect(topicSubject('in_a', Topics.committed)).toBe('om.v1.in_a.event.committed');
    expect(topicSubject('in_a', Topics.head)).toBe('om.v1.in_a.beacon.head');
  });

  it('address a runner by its id, and refuse a runner request without one', () => {
    expect(requestSubject('in_a', RunnerRpc.stop, 'slot-0')).toBe('om.v1.in_a.req.runner.slot-0.stop');
    expect(() => requestSubject('in_a', RunnerRpc.stop)).toThrow(expect.objectContaining({ code: 'VALIDATION_FAILED' }));
  });

  it.each(['a.b', '*', '>', 'a b', '', 'x'.repeat(65), 'a\r\nPUB evil'])('refuse %j as an id, which would be more than one token', (id) => {
    const refused = expect.objectContaining({ code: 'VALIDATION_FAILED' });
    expect(() => requestSubject(id, SessionRpc.spawn)).toThrow(refused);
    expect(() => requestSubject('in_a', RunnerRpc.stop, id)).toThrow(refused);
    expect(() => topicSubject(id, Topics.head)).toThrow(refused);
  });

  it('refuse a contract name that is no name', () => {
    expect(() => requestSubject('in_a', defineRpc('session', 'a.*', 1))).toThrow(TypeError);
  });

  it('are all different', () => {
    const rpcs = [...Object.values(SessionRpc), ...Object.values(RunnerRpc), ...Object.values(AnyRunnerRpc), ...Object.values(NotifierRpc)];
    const subjects = rpcs.map((rpc) => requestSubject('in_a', rpc, 'slot-0'));
    expect(new Set(subjects).size).toBe(rpcs.length);
  });

  it('share the work only among runners', () => {
    expect(queueGroup('anyRunner')).toBe('any-runner');
    expect([queueGroup('session'), queueGroup('runner'), queueGroup('notifier')]).toEqual([undefined, undefined, undefined]);
  });
});
