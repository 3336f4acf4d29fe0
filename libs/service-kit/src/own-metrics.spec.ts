import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Metrics } from './metrics.js';
import { metricsText } from './metrics-text.js';

/** From one timer to the next, in ms, by percentile. */
const between: Record<number, number> = {};
const readdirSync = jest.fn<(path: string) => string[]>();
jest.unstable_mockModule('node:perf_hooks', () => ({ monitorEventLoopDelay: () => ({ enable: () => true, reset: () => undefined, percentile: (percent: number) => between[percent] * 1e6 }) }));
jest.unstable_mockModule('node:fs', () => ({ readdirSync }));
const { measureProcess } = await import('./own-metrics.js');

describe('what a process tells of itself', () => {
  let metrics: Metrics;
  const text = (): string => metricsText([{ labels: {}, families: metrics.collect() }]);

  beforeEach(() => {
    Object.assign(between, { 50: 20, 99: 20, 100: 20 });
    metrics = new Metrics();
    measureProcess(metrics, undefined);
  });

  it('is how late its timers were, not how long they are', () => {
    Object.assign(between, { 50: 19.9, 99: 20, 100: 520 });

    for (const quantile of ['0.5"} 0', '0.99"} 0', '1"} 0.5']) expect(text()).toContain(`nodejs_eventloop_lag_seconds{quantile="${quantile}\n`);
  });

  (process.platform === 'linux' ? it : it.skip)('is all else when no descriptor is left to count those that are open', () => {
    readdirSync.mockReturnValueOnce(['0', '1', '2']);
    expect(text()).toContain('process_open_fds 3\n');

    readdirSync.mockImplementation(() => { throw Object.assign(new Error('too many open files'), { code: 'EMFILE' }); });
    expect(text()).not.toContain('process_open_fds');
    expect(text()).toContain('process_cpu_seconds_total');
  });
});
