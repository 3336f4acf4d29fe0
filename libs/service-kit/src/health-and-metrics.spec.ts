import { describe, expect, it } from '@jest/globals';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { text as textOfStream } from 'node:stream/consumers';
import { HealthRegistry } from './health.registry.js';
import { METRIC_LABEL_SETS_MAX } from './limits.js';
import { Metrics } from './metrics.js';
import { serveMetrics } from './metrics-server.js';
import { metricsText } from './metrics-text.js';

async function request(port: number, path: string, headers: Record<string, string>): Promise<{ status: number; text: string }> {
  const [response] = await once(httpGet({ port, host: '127.0.0.1', path, headers }), 'response') as [IncomingMessage];
  return { status: response.statusCode ?? 0, text: await textOfStream(response) };
}
const textOf = (metrics: Metrics, labels = {}): string => metricsText([{ labels, families: metrics.collect() }]);

describe('HealthRegistry', () => {
  it('is ok while every part is, and speaks only when the whole changes', () => {
    const health = new HealthRegistry('fixture');
    const heard: boolean[] = [];
    const stop = health.onChange((ok) => heard.push(ok));

    health.set('store', true);
    health.set('nats', false, { reason: 'away' });
    health.set('store', false);
    health.set('nats', true);
    health.set('store', true);
    stop();
    health.set('store', false);

    expect(heard).toEqual([false, true]);
  });

  it('reports parts, and probes as they are at the moment of asking', () => {
    const health = new HealthRegistry('fixture');
    let n = 1;
    health.set('store', true, { lastError: null });
    health.probe('store', () => ({ dirty: n }));
    n = 2;

    expect(health.report()).toEqual({ ok: true, service: 'fixture', pid: process.pid, details: { store: { ok: true, lastError: null, dirty: 2 } } });
  });
});

describe('Metrics', () => {
  it('renders Prometheus text', () => {
    const metrics = new Metrics();
    metrics.count('om_requests_total', 'Requests.', { code: 200 });
    metrics.count('om_requests_total', 'Requests.', { code: 200 }, 2);
    metrics.count('om_requests_total', 'Requests.', { code: 'a"b\\c\n' });
    metrics.gauge('om_open', 'Open.', 3);
    metrics.gaugeOf('om_lag', 'Lag.', () => 4);

    expect(textOf(metrics)).toBe([
      '# HELP orbitmesh_metric_label_sets_dropped_total Label sets past the bound of one metric.', '# TYPE orbitmesh_metric_label_sets_dropped_total counter', 'orbitmesh_metric_label_sets_dropped_total 0',
      '# HELP om_requests_total Requests.', '# TYPE om_requests_total counter', 'om_requests_total{code="200"} 3', 'om_requests_total{code="a\\"b\\\\c\\n"} 1',
      '# HELP om_open Open.', '# TYPE om_open gauge', 'om_open 3', '# HELP om_lag Lag.', '# TYPE om_lag gauge', 'om_lag 4', '',
    ].join('\n'));
  });

  it('counts a histogram cumulatively', () => {
    const metrics = new Metrics();
    metrics.observe('om_s', 'Seconds.', 0.002);
    metrics.observe('om_s', 'Seconds.', 60);

    const text = textOf(metrics);
    expect(text).toContain('om_s_bucket{le="0.001"} 0\n');
    expect(text).toContain('om_s_bucket{le="0.0025"} 1\n');
    expect(text).toContain('om_s_bucket{le="5"} 1\n');
    expect(text).toContain('om_s_bucket{le="+Inf"} 2\n');
    expect(text).toContain('om_s_sum 60.002\n');
    expect(text).toContain('om_s_count 2\n');
  });

  it('bounds the label sets of a metric and counts what it drops', () => {
    const metrics = new Metrics();
    for (let i = 0; i < METRIC_LABEL_SETS_MAX + 5; i += 1) metrics.count('om_x_total', 'X.', { i });

    expect(textOf(metrics)).toContain('orbitmesh_metric_label_sets_dropped_total 5\n');
    expect(textOf(metrics).split('\n').filter((l) => l.startsWith('om_x_total')).length).toBe(METRIC_LABEL_SETS_MAX);
  });

  it('is one text for several processes: each metric once, with the labels of whose it is', () => {
    const [one, other] = [new Metrics(), new Metrics()];
    one.gauge('om_open', 'Open.', 1);
    other.gauge('om_open', 'Open.', 2, { of: 'x' });

    const text = metricsText([{ labels: { service: 'a' }, families: one.collect() }, { labels: { service: 'b', runner: 'slot-0' }, families: other.collect() }]);
    expect(text).toContain('# HELP om_open Open.\n# TYPE om_open gauge\nom_open{service="a"} 1\nom_open{service="b",runner="slot-0",of="x"} 2\n');
    expect(text.match(/# TYPE om_open/g)).toHaveLength(1);
  });

  it('of one process are served to who asks for them by the name of this machine, and to no page', async () => {
    const metrics = new Metrics();
    metrics.gauge('om_open', 'Open.', 3);
    const { port, close } = await serveMetrics(metrics, { host: '127.0.0.1', port: 0 });
    const get = async (path: string, headers: Record<string, string> = {}): Promise<string> => {
      const { status, text } = await request(port, path, headers);
      return `${status} ${text.includes('om_open 3') ? 'metrics' : 'nothing'}`;
    };

    expect(await get('/metrics')).toBe('200 metrics');
    expect(await get('/metrics', { host: 'evil.example' })).toBe('403 nothing');
    expect(await get('/metrics', { origin: 'http://evil.example' })).toBe('403 nothing');
    expect(await get('/')).toBe('404 nothing');
    close();
  });
});
