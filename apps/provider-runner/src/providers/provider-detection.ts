import { setTimeout as delay } from 'node:timers/promises';
import type { Capabilities, ProviderEntry, ProviderInfo } from '@orbitmesh/domain';
import { findDriver } from '../drivers/registry.js';
import type { Detection } from '../drivers/driver.js';
import { DETECT_EVERY_MS, DETECT_TIMEOUT_MS, PROVIDERS_POLL_MS } from '../limits.js';
import type { RunLog } from '../run/run-log.js';
import type { ProvidersFile } from './providers-file.js';

const NOTHING: Capabilities = {
  pause: 'none', input: false, interrupt: false, steer: false, approvals: false, mcp: false, usage: false, recover: false, continue: false,
};
const GROUP_ONLY = 'Without /proc, what an agent starts is contained by its process group only.';

/** Looks at every entry now and then, and when the file changes, so that heartbeats can tell what is there. */
export class ProviderDetection {
  private infos: ProviderInfo[] = [];
  private timer: NodeJS.Timeout | undefined;
  private lookedAt = -Infinity;
  private looking = false;

  constructor(
    private readonly file: ProvidersFile,
    private readonly seesEnvironment: boolean,
    private readonly log: RunLog,
  ) {}

  get present(): ProviderInfo[] {
    return this.infos;
  }

  async start(): Promise<void> {
    this.file.refresh();
    if (this.file.problem) this.log('error', 'providers.json is not used', { problem: this.file.problem });
    await this.look();
    this.timer = setInterval(() => void this.check(), PROVIDERS_POLL_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async check(): Promise<void> {
    const before = this.file.problem;
    const changed = this.file.refresh();
    if (this.file.problem && this.file.problem !== before) this.log('error', 'providers.json is not used', { problem: this.file.problem });
    if (!this.looking && (changed || performance.now() - this.lookedAt > DETECT_EVERY_MS)) await this.look();
  }

  private async look(): Promise<void> {
    this.looking = true;
    this.lookedAt = performance.now();
    try {
      this.infos = await Promise.all(this.file.list().map(({ name, entry }) => this.infoOf(name, entry)));
    } finally {
      this.looking = false;
    }
  }

  private async infoOf(name: string, entry: ProviderEntry): Promise<ProviderInfo> {
    const definition = findDriver(entry.driver);
    if (!definition) {
      return { name, driver: entry.driver, installed: false, version: null, detail: `There is no driver ${entry.driver}.`, capabilities: NOTHING };
    }
    const late: Detection = { installed: false, version: null, detail: 'It did not answer in time.' };
    const found = await Promise.race([definition.detect(entry).catch((error: Error) => ({ ...late, detail: error.message })), delay(DETECT_TIMEOUT_MS, late, { ref: false })]);
    const detail = [found.detail, this.seesEnvironment ? null : GROUP_ONLY].filter((part) => part !== null).join(' ');
    return { name, driver: entry.driver, ...found, detail: detail === '' ? null : detail, capabilities: definition.capabilities(entry) };
  }
}
