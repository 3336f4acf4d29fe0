import { acpDriver } from './acp/acp.driver.js';
import { claudeDriver } from './claude/claude.driver.js';
import { codexDriver } from './codex/codex.driver.js';
import type { DriverDefinition } from './driver.js';
import { processDriver } from './process.driver.js';

/** One line a driver; nothing outside of here asks which driver it is (design §7). */
const drivers: readonly DriverDefinition[] = [
  acpDriver,
  claudeDriver,
  codexDriver,
  processDriver,
];

export function findDriver(name: string): DriverDefinition | undefined {
  return drivers.find((driver) => driver.name === name);
}
