import type { DriverDefinition } from '../driver.js';
import { detectCommand } from '../wire/detect-command.js';
import { CodexConversation } from './codex-conversation.js';
import { CODEX_LINE_BYTES_MAX } from './codex.limits.js';
import { launchCodex } from './codex-launch.js';
import { codexOptionsOf } from './codex-options.js';
import { CODEX_STATE_VERSION } from './codex-state.js';

/**
 * OpenAI's codex by its own protocol, `codex app-server`: JSON-RPC over stdio, one process and one thread
 * a session.
 *
 * @see https://github.com/openai/codex/tree/main/codex-rs/app-server
 */
export const codexDriver: DriverDefinition = {
  name: 'codex',
  stateVersion: CODEX_STATE_VERSION,
  decoding: 'lines',
  lineBytesMax: CODEX_LINE_BYTES_MAX,
  capabilities: () => ({ pause: 'hold', input: true, interrupt: true, steer: true, approvals: true, mcp: true, usage: true, recover: true, continue: true }),
  detect: async (entry) => {
    const found = await detectCommand(entry, [...entry.command.slice(1), '--version']);
    // It says `codex-cli 0.169.0`.
    return { ...found, version: found.version?.split(' ').at(-1) ?? null };
  },
  check: (entry) => void codexOptionsOf(entry),
  launch: launchCodex,
  create: (host) => new CodexConversation(host),
};
