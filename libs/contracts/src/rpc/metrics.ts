/** One line of Prometheus' text format. */
export interface MetricSample {
  /** `_bucket`, `_sum` and `_count` of a histogram; else empty. */
  suffix: string;
  labels: Record<string, string | number>;
  value: number;
}

export interface MetricFamily {
  name: string;
  type: 'counter' | 'gauge' | 'histogram';
  help: string;
  samples: MetricSample[];
}

/** What one process counts, as it answers the gateway (ADR-0036). */
export interface MetricsReport { families: MetricFamily[] }
