import type { ServiceHealth } from '@orbitmesh/contracts';

type Details = Record<string, unknown>;

/** What a service knows of its own condition. It is ok while every part is. */
export class HealthRegistry {
  private readonly parts = new Map<string, { ok: boolean; details: Details }>();
  private readonly probes = new Map<string, () => Details>();
  private readonly listeners = new Set<(ok: boolean) => void>();

  constructor(private readonly service: string) {}

  get ok(): boolean {
    return [...this.parts.values()].every((part) => part.ok);
  }

  /** Sets one part; the listeners hear of it when the whole changes. */
  set(name: string, ok: boolean, details: Details = {}): void {
    const before = this.ok;
    this.parts.set(name, { ok, details });
    if (this.ok !== before) for (const listener of this.listeners) listener(!before);
  }

  /** Details read when somebody asks; they do not decide whether the service is ok. */
  probe(name: string, read: () => Details): void {
    this.probes.set(name, read);
  }

  onChange(listener: (ok: boolean) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  report(): ServiceHealth {
    const details: Details = {};
    for (const [name, part] of this.parts) details[name] = { ok: part.ok, ...part.details };
    for (const [name, read] of this.probes) details[name] = { ...(details[name] as Details | undefined), ...read() };
    return { ok: this.ok, service: this.service, pid: process.pid, details };
  }
}
