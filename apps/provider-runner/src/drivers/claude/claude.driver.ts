import type { DriverDefinition } from '../driver.js';
import { detectCommand } from '../wire/detect-command.js';
import { ClaudeConversation } from './claude-conversation.js';
import { launchClaude } from './claude-launch.js';
import { claudeOptionsOf } from './claude-options.js';
import { CLAUDE_STATE_VERSION } from './claude-state.js';
import { CLAUDE_LINE_BYTES_MAX } from './claude.limits.js';

/**
 * Claude Code by its own protocol, stream-json both ways: what its SDK speaks. The entry's command is the
 * program, or `[node, …/cli.js]` for a release in plain JavaScript; the flags are the driver's.
 *
 * @see https://docs.anthropic.com/en/docs/claude-code/sdk
 */
export const claudeDriver: DriverDefinition = {
  name: 'claude-code',
  stateVersion: CLAUDE_STATE_VERSION,
  decoding: 'lines',
  lineBytesMax: CLAUDE_LINE_BYTES_MAX,
  capabilities: () => ({ pause: 'hold', input: true, interrupt: true, steer: true, approvals: true, mcp: true, usage: true, recover: true, continue: true }),
  detect: async (entry) => {
    const found = await detectCommand(entry, [...entry.command.slice(1), '--version']);
    // It says "2.1.112 (Claude Code)".
    return { ...found, version: found.version?.split(' ')[0] ?? null };
  },
  launch: launchClaude,
  check: (entry) => void claudeOptionsOf(entry),
  create: (host) => new ClaudeConversation(host),
};
