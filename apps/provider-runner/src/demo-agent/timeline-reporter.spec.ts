import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@orbitmesh/testing';
import { TimelineApi } from './testing/timeline-api.js';
import { TimelineReporter } from './timeline-reporter.js';

describe('TimelineReporter', () => {
  const open: TimelineApi[] = [];
  const warnings: string[] = [];
  const reporterTo = (apiUrl: string, deadlineMs?: number) =>
    new TimelineReporter({ apiUrl, token: 'oma_token', sessionId: 'sess_1', warn: (message) => warnings.push(message), deadlineMs });
  const start = async (port?: number) => {
    const api = await TimelineApi.start(port);
    open.push(api);
    return api;
  };

  afterEach(async () => {
    await Promise.all(open.splice(0).map((api) => api.close()));
    warnings.length = 0;
  });

  it('sends reports in order with its token, and one key a report', async () => {
    const api = await start();
    const reporter = reporterTo(api.url);
    reporter.send({ kind: 'progress', message: 'one' });
    reporter.send({ kind: 'task_completed', message: 'two', taskId: 'task_1' });
    await reporter.flush();
    expect(api.received.map(({ path, authorization, message, taskId }) => ({ path, authorization, message, taskId }))).toEqual([
      { path: '/api/sessions/sess_1/timeline', authorization: 'Bearer oma_token', message: 'one', taskId: undefined },
      { path: '/api/sessions/sess_1/timeline', authorization: 'Bearer oma_token', message: 'two', taskId: 'task_1' },
    ]);
    expect(new Set(api.received.map(({ key }) => key)).size).toBe(2);
  });

  it('tries again under the same key on 503, 429 and a lost answer', async () => {
    const api = await start();
    api.script.push(503, 429, 'drop');
    const reporter = reporterTo(api.url);
    reporter.send({ kind: 'completed', message: 'done' });
    await reporter.flush();
    expect(api.received).toHaveLength(2);
    expect(new Set(api.received.map(({ key }) => key)).size).toBe(1);
    expect(warnings).toEqual([]);
  });

  it('waits for an API that is away, and delivers when it is back', async () => {
    const first = await start();
    const { port, url } = first;
    await first.close();
    const reporter = reporterTo(url);
    reporter.send({ kind: 'completed', message: 'done' });
    const back = await start(port);
    await eventually(() => back.kinds().includes('completed'), { what: 'the report' });
    await reporter.flush();
  });

  it('does not repeat what the API refuses, and says so', async () => {
    const api = await start();
    api.script.push(409);
    const reporter = reporterTo(api.url);
    reporter.send({ kind: 'progress', message: 'late' });
    reporter.send({ kind: 'progress', message: 'next' });
    await reporter.flush();
    expect(api.received.map(({ message }) => message)).toEqual(['next']);
    expect(warnings).toEqual([expect.stringContaining('409')]);
  });

  it('gives up at the deadline and says so', async () => {
    const api = await start();
    await api.close();
    const reporter = reporterTo(`http://127.0.0.1:1`, 300);
    reporter.send({ kind: 'completed', message: 'done' });
    await reporter.flush();
    expect(warnings).toEqual([expect.stringMatching(/^gave up reporting completed/)]);
  });

  it('drops progress past its bound, never an end', async () => {
    const api = await start();
    api.script.push(503);
    const reporter = reporterTo(api.url);
    for (let index = 0; index < 250; index += 1) reporter.send({ kind: 'progress', message: String(index) });
    reporter.send({ kind: 'completed', message: 'done' });
    await reporter.flush();
    expect(api.received).toHaveLength(201);
    expect(api.kinds().at(-1)).toBe('completed');
    expect(warnings).toHaveLength(50);
  });
});
