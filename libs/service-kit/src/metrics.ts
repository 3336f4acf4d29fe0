import type { MetricFamily, MetricSample } from '@orbitmesh/contracts';
import { METRIC_LABEL_SETS_MAX } from './limits.js';

type Labels = MetricSample['labels'];
type Type = MetricFamily['type'];
/** One label set of a histogram: `counts` per bucket, not cumulative; summed when somebody scrapes. */
interface Series { labels: Labels; counts: number[]; sum: number; count: number }
interface Family { type: Type; help: string; values: Map<string, { labels: Labels; value: number }>; series: Map<string, Series>; read?: () => Iterable<[Labels, number]> }

const DROPPED = 'orbitmesh_metric_label_sets_dropped_total';
/** Seconds: from what a cached read takes to the timeout of a request. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Counters, gauges and histograms of one process. */
export class Metrics {
  private readonly families = new Map<string, Family>();

  constructor() {
    this.counterOf(DROPPED, 'Label sets past the bound of one metric.', () => this.dropped);
  }

  private dropped = 0;

  /** Adds to a counter. Labels must come from a small fixed set, never an id. */
  count(name: string, help: string, labels: Labels = {}, by = 1): void {
    const entry = this.entryOf(this.family(name, 'counter', help), labels);
    if (entry) entry.value += by;
  }

  /** Sets a gauge. */
  gauge(name: string, help: string, value: number, labels: Labels = {}): void {
    const entry = this.entryOf(this.family(name, 'gauge', help), labels);
    if (entry) entry.value = value;
  }

  /** A gauge read when somebody scrapes. */
  gaugeOf(name: string, help: string, read: () => number): void {
    this.gaugesOf(name, help, () => [[{}, read()]]);
  }

  /** The same, by labels. */
  gaugesOf(name: string, help: string, read: () => Iterable<[Labels, number]>): void {
    this.family(name, 'gauge', help).read = read;
  }

  /** A counter that somebody else keeps. */
  counterOf(name: string, help: string, read: () => number): void {
    this.countersOf(name, help, () => [[{}, read()]]);
  }

  /** The same, by labels. */
  countersOf(name: string, help: string, read: () => Iterable<[Labels, number]>): void {
    this.family(name, 'counter', help).read = read;
  }

  /** @param seconds unit: s */
  observe(name: string, help: string, seconds: number, labels: Labels = {}): void {
    const { series: all } = this.family(name, 'histogram', help);
    const key = keyOf(labels);
    let series = all.get(key);
    if (!series) {
      if (!this.hasRoom(all)) return;
      series = { labels, counts: BUCKETS.map(() => 0), sum: 0, count: 0 };
      all.set(key, series);
    }
    const bucket = BUCKETS.findIndex((le) => seconds <= le);
    if (bucket >= 0) series.counts[bucket] += 1;
    series.sum += seconds;
    series.count += 1;
  }

  collect(): MetricFamily[] {
    return [...this.families].map(([name, { type, help, values, series, read }]) => ({
      name, type, help,
      samples: [
        ...[...read?.() ?? []].map(([labels, value]) => ({ suffix: '', labels, value })),
        ...[...values.values()].map(({ labels, value }) => ({ suffix: '', labels, value })),
        ...[...series.values()].flatMap(samplesOf),
      ],
    }));
  }

  private family(name: string, type: Type, help: string): Family {
    let family = this.families.get(name);
    if (!family) {
      family = { type, help, values: new Map(), series: new Map() };
      this.families.set(name, family);
    }
    return family;
  }

  private entryOf({ values }: Family, labels: Labels): { value: number } | undefined {
    const key = keyOf(labels);
    let entry = values.get(key);
    if (!entry && this.hasRoom(values)) {
      entry = { labels, value: 0 };
      values.set(key, entry);
    }
    return entry;
  }

  private hasRoom({ size }: ReadonlyMap<string, unknown>): boolean {
    if (size < METRIC_LABEL_SETS_MAX) return true;
    this.dropped += 1;
    return false;
  }
}

const keyOf = (labels: Labels): string => Object.entries(labels).join('\n');

function samplesOf({ labels, counts, sum, count }: Series): MetricSample[] {
  let below = 0;
  const bucket = (le: number | string, value: number): MetricSample => ({ suffix: '_bucket', labels: { ...labels, le }, value });
  return [
    ...BUCKETS.map((le, index) => bucket(le, below += counts[index])), bucket('+Inf', count),
    { suffix: '_sum', labels, value: sum }, { suffix: '_count', labels, value: count },
  ];
}
