import { METRIC_LABEL_SETS_MAX } from './limits.js';

type Labels = Record<string, string | number>;
interface Family { type: 'counter' | 'gauge' | 'histogram'; help: string; values: Map<string, number>; read?: () => number }

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
    if (this.fits(family, key)) family.values.set(key, value);
  }

  /** A gauge read when somebody scrapes. */
  gaugeOf(name: string, help: string, read: () => number): void {
    this.family(name, 'gauge', help).read = read;
  }

  /** @param seconds unit: s */
  observe(name: string, help: string, seconds: number, labels: Labels = {}): void {
    const family = this.family(name, 'histogram', help);
    for (const le of BUCKETS) this.add(family, `${name}_bucket`, { ...labels, le }, seconds <= le ? 1 : 0);
    this.add(family, `${name}_bucket`, { ...labels, le: '+Inf' }, 1);
    this.add(family, `${name}_sum`, labels, seconds);
    this.add(family, `${name}_count`, labels, 1);
  }

  render(): string {
    const lines: string[] = [];
    for (const [name, family] of this.families) {
      lines.push(`# HELP ${name} ${family.help.replaceAll('\n', ' ')}`, `# TYPE ${name} ${family.type}`);
      if (family.read) lines.push(`${name} ${family.read()}`);
      for (const [key, value] of family.values) lines.push(`${key} ${value}`);
    }
    return `${lines.join('\n')}\n`;
  }

  private family(name: string, type: Family['type'], help: string): Family {
    let family = this.families.get(name);
    if (!family) {
      family = { type, help, values: new Map() };
      this.families.set(name, family);
    }
    return family;
  }

  private add(family: Family, name: string, labels: Labels, by: number): void {
    const key = name + labelText(labels);
    if (this.fits(family, key)) family.values.set(key, (family.values.get(key) ?? 0) + by);
  }

  private fits(family: Family, key: string): boolean {
    // A histogram has a line for each bucket, its sum and its count.
    const max = family.type === 'histogram' ? METRIC_LABEL_SETS_MAX * (BUCKETS.length + 3) : METRIC_LABEL_SETS_MAX;
    if (family.values.has(key) || family.values.size < max) return true;
    const dropped = this.family(DROPPED, 'counter', 'Label sets past the bound of one metric.').values;
    dropped.set(DROPPED, (dropped.get(DROPPED) ?? 0) + 1);
    return false;
  }
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels);
  if (pairs.length === 0) return '';
  return `{${pairs.map(([k, v]) => `${k}="${String(v).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`).join(',')}}`;
}
