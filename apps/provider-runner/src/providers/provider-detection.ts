import { setTimeout as delay } from 'node:timers/promises';
import type { Capabilities, ProviderEntry, ProviderInfo } from '@orbitmesh/domain';
import { capabilitiesOf } from '../drivers/capabilities.js';
import { findDriver } from '../drivers/registry.js';
import type { Detection } from '../drivers/driver.js';
import { DETECT_AGAIN_MS, DETECT_AT_ONCE, DETECT_AT_START_MS, DETECT_EVERY_MS, DETECT_TIMEOUT_MS, PROVIDERS_POLL_MS } from '../limits.js';
import type { RunLog } from '../run/run-log.js';
import type { ProvidersFile } from './providers-file.js';

const NOTHING: Capabilities = {
  pause: 'none', input: false, interrupt: false, steer: false, approvals: false, mcp: false, usage: false, recover: false, continue: false,
};
const GROUP_ONLY = 'Without /proc, what an agent starts is contained by its process group only.';

/** Looks at every entry now and then, and when the file changes, so that heartbeats can tell what is there. */
export class ProviderDetection {
  private readonly infos = new Map<string, ProviderInfo>();
  /** What each said it is, and of which entry. */
  private readonly versions = new Map<string, { of: string; version: string | null }>();
  private timer: NodeJS.Timeout | undefined;
  private lookedAt = -Infinity;
  private looking = false;

  constructor(
    private readonly file: ProvidersFile,
    private readonly seesEnvironment: boolean,
    private readonly log: RunLog,
    /** What is there has changed. */
    private readonly onChange: () => void,
  ) {}

  /** In the order of the file. */
  get present(): ProviderInfo[] {
    return this.file.list().map(({ name, entry }) => this.infos.get(name) ?? unknown(name, entry, 'It was not looked at yet.'));
  }

  /** Names of those that were not looked at yet. */
  get unlooked(): string[] {
    return this.file.list().flatMap(({ name }) => (this.infos.has(name) ? [] : [name]));
  }

  /** Resolves when every entry was looked at, or after a moment: some agents take seconds to say their version. */
  async start(): Promise<void> {
    this.file.refresh();
    if (this.file.problem) this.log('error', 'providers.json is not used', { problem: this.file.problem });
    await Promise.race([this.look(), delay(DETECT_AT_START_MS, undefined, { ref: false })]);
    this.timer = setInterval(() => void this.check(), PROVIDERS_POLL_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async check(): Promise<void> {
    const before = this.file.problem;
    const changed = this.file.refresh();
    if (this.file.problem && this.file.problem !== before) this.log('error', 'providers.json is not used', { problem: this.file.problem });
    if (!this.looking && (changed || performance.now() - this.lookedAt > this.lookAfter())) await this.look();
  }

  /** A version that did not come is no version that is not there. */
  private lookAfter(): number {
    const unsure = [...this.infos.values()].some(({ installed, version, detail }) => installed && version === null && detail !== null && detail !== GROUP_ONLY);
    return unsure ? DETECT_AGAIN_MS : DETECT_EVERY_MS;
  }

  private async look(): Promise<void> {
    this.looking = true;
    this.lookedAt = performance.now();
    const entries = this.file.list();
    for (const name of this.infos.keys()) {
      if (entries.some((entry) => entry.name === name)) continue;
      this.infos.delete(name);
      this.versions.delete(name);
    }
    const left = entries.values();
    await Promise.all(Array.from({ length: DETECT_AT_ONCE }, async () => {
      for (const { name, entry } of left) {
        this.infos.set(name, await this.infoOf(name, entry));
        this.onChange();
      }
    }));
    this.looking = false;
  }

  /** The one that it said last, where it says none this time: a busy machine lets it answer too late. */
  private versionOf(name: string, entry: ProviderEntry, { installed, version }: Detection): string | null {
    const is = JSON.stringify(entry);
    const before = this.versions.get(name);
    const known = installed && version === null && before?.of === is ? before.version : version;
    this.versions.set(name, { of: is, version: known });
    return known;
  }

  private async infoOf(name: string, entry: ProviderEntry): Promise<ProviderInfo> {
    const definition = findDriver(entry.driver);
    if (!definition) return unknown(name, entry, `There is no driver ${entry.driver}.`);
    const late: Detection = { installed: false, version: null, detail: 'It did not answer in time.' };
    const found = await Promise.race([definition.detect(entry).catch((error: Error) => ({ ...late, detail: error.message })), delay(DETECT_TIMEOUT_MS, late, { ref: false })]);
    const detail = [found.detail, this.seesEnvironment ? null : GROUP_ONLY].filter((part) => part !== null).join(' ');
    return { name, driver: entry.driver, ...found, version: this.versionOf(name, entry, found), detail: detail === '' ? null : detail, capabilities: capabilitiesOf(definition, entry) };
  }
}

/** What a driver can do is known before its program was looked for. */
function unknown(name: string, entry: ProviderEntry, detail: string): ProviderInfo {
  const definition = findDriver(entry.driver);
  return { name, driver: entry.driver, installed: false, version: null, detail, capabilities: definition ? capabilitiesOf(definition, entry) : NOTHING };
}
