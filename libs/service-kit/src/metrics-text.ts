import type { MetricFamily, MetricSample } from '@orbitmesh/contracts';

export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Families of several processes as one scrape: each family once, its samples with the labels of whose they are. */
export function metricsText(reports: Iterable<{ labels: MetricSample['labels']; families: MetricFamily[] }>): string {
  const whole = new Map<string, { head: string; lines: string[] }>();
  for (const { labels, families } of reports) {
    for (const { name, type, help, samples } of families) {
      const family = whole.get(name) ?? { head: `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}`, lines: [] };
      whole.set(name, family);
      for (const sample of samples) family.lines.push(`${name}${sample.suffix}${labelText({ ...labels, ...sample.labels })} ${numberText(sample.value)}`);
    }
  }
  return [...whole.values()].filter(({ lines }) => lines.length > 0).map(({ head, lines }) => `${head}\n${lines.join('\n')}\n`).join('');
}

function labelText(labels: MetricSample['labels']): string {
  const pairs = Object.entries(labels);
  if (pairs.length === 0) return '';
  return `{${pairs.map(([name, value]) => `${name}="${String(value).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`).join(',')}}`;
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}
