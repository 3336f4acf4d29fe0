import { AppError } from '@orbitmesh/domain';
import { ACP_LINE_BYTES_MAX } from './acp.limits.js';
import { AcpConversation } from './acp-conversation.js';
import { detectAcpAgent } from './acp-detect.js';
import { acpOptionsOf } from './acp-options.js';
import { ACP_STATE_VERSION } from './acp-state.js';
import type { DriverDefinition } from '../driver.js';

/**
 * Any agent that speaks the Agent Client Protocol (v1) over stdio: gemini-cli, opencode, copilot,
 * qwen-code, claude-agent-acp, codex-acp, and our own demo agent.
 *
 * @see https://agentclientprotocol.com/protocol/v1/overview
 */
export const acpDriver: DriverDefinition = {
  name: 'acp',
  stateVersion: ACP_STATE_VERSION,
  decoding: 'lines',
  lineBytesMax: ACP_LINE_BYTES_MAX,
  capabilities: (entry) => ({
    pause: 'hold', input: true, interrupt: true, steer: false, approvals: true, mcp: true, usage: true, recover: true,
    continue: continues(entry),
  }),
  detect: detectAcpAgent,
  check: (entry) => void acpOptionsOf(entry),
  create: (host) => new AcpConversation(host, acpOptionsOf(host.run.entry)),
};

/** An entry that is wrong is refused when a run starts; until then it offers nothing special. */
function continues(entry: Parameters<DriverDefinition['capabilities']>[0]): boolean {
  try {
    return acpOptionsOf(entry).continue;
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}
