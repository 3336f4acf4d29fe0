import { METRIC_LABEL_SETS_MAX } from './limits.js';

type Labels = Record<string, string | number>;
/** One label set of a histogram: `counts` per bucket, not cumulative; summed when somebody scrapes. */
interface Series { labels: Labels; counts: number[]; sum: number; count: number }
interface Family { type: 'counter' | 'gauge' | 'histogram'; help: string; values: Map<string, number>; series: Map<string, Series>; read?: () => number }

const DROPPED = 'orbitmesh_metric_label_sets_dropped_total';
/** Seconds: from what a cached read takes to the timeout of a request. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Counters, gauges and histograms of one process, in Prometheus' text format 0.0.4. */
export class Metrics {
  private readonly families = new Map<string, Family>();

  /** Adds to a counter. Labels must come from a small fixed set, never an id. */
  count(name: string, help: string, labels: Labels = {}, by = 1): void {
    this.add(this.family(name, 'counter', help), name, labels, by);
  }

  /** Sets a gauge. */
  gauge(name: string, help: string, value: number, labels: Labels = {}): void {
    const family = this.family(name, 'gauge', help);
    const key = name + labelText(labels);
    if (this.fits(family.values, key)) family.values.set(key, value);
  }

  /** A gauge read when somebody scrapes. */
  gaugeOf(name: string, help: string, read: () => number): void {
    this.family(name, 'gauge', help).read = read;
  }

  /** @param seconds unit: s */
  observe(name: string, help: string, seconds: number, labels: Labels = {}): void {
    const family = this.family(name, 'histogram', help);
    const key = name + labelText(labels);
    if (!this.fits(family.series, key)) return;
    let series = family.series.get(key);
    if (!series) {
      series = { labels, counts: BUCKETS.map(() => 0), sum: 0, count: 0 };
      family.series.set(key, series);
    }
    const bucket = BUCKETS.findIndex((le) => seconds <= le);
    if (bucket >= 0) series.counts[bucket] += 1;
    series.sum += seconds;
    series.count += 1;
  }

  render(): string {
    const lines: string[] = [];
    for (const [name, family] of this.families) {
      lines.push(`# HELP ${name} ${family.help.replaceAll('\n', ' ')}`, `# TYPE ${name} ${family.type}`);
      if (family.read) lines.push(`${name} ${family.read()}`);
      for (const [key, value] of family.values) lines.push(`${key} ${value}`);
      for (const series of family.series.values()) lines.push(...linesOf(name, series));
    }
    return `${lines.join('\n')}\n`;
  }

  private family(name: string, type: Family['type'], help: string): Family {
    let family = this.families.get(name);
    if (!family) {
      family = { type, help, values: new Map(), series: new Map() };
      this.families.set(name, family);
    }
    return family;
  }

  private add(family: Family, name: string, labels: Labels, by: number): void {
    const key = name + labelText(labels);
    if (this.fits(family.values, key)) family.values.set(key, (family.values.get(key) ?? 0) + by);
  }

  private fits(present: ReadonlyMap<string, unknown>, key: string): boolean {
    if (present.has(key) || present.size < METRIC_LABEL_SETS_MAX) return true;
    const dropped = this.family(DROPPED, 'counter', 'Label sets past the bound of one metric.').values;
    dropped.set(DROPPED, (dropped.get(DROPPED) ?? 0) + 1);
    return false;
  }
}

function linesOf(name: string, { labels, counts, sum, count }: Series): string[] {
  let below = 0;
  const buckets = BUCKETS.map((le, index) => `${name}_bucket${labelText({ ...labels, le })} ${below += counts[index]}`);
  return [...buckets, `${name}_bucket${labelText({ ...labels, le: '+Inf' })} ${count}`, `${name}_sum${labelText(labels)} ${sum}`, `${name}_count${labelText(labels)} ${count}`];
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels);
  if (pairs.length === 0) return '';
  return `{${pairs.map(([k, v]) => `${k}="${String(v).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`).join(',')}}`;
}
