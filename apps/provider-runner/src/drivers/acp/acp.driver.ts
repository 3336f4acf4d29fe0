import { AppError, type Capabilities, type ProviderEntry } from '@orbitmesh/domain';
import { ACP_LINE_BYTES_MAX } from './acp.limits.js';
import { AcpConversation } from './acp-conversation.js';
import { detectAcpAgent } from './acp-detect.js';
import { launchAcpAgent } from './acp-launch.js';
import { acpOptionsOf } from './acp-options.js';
import { ACP_STATE_VERSION } from './acp-state.js';
import type { DriverDefinition } from '../driver.js';

/**
 * Any agent that speaks the Agent Client Protocol (v1) over stdio: our own demo agent, and those that
 * `acp-presets.ts` knows.
 *
 * @see https://agentclientprotocol.com/protocol/v1/overview
 */
export const acpDriver: DriverDefinition = {
  name: 'acp',
  stateVersion: ACP_STATE_VERSION,
  decoding: 'lines',
  lineBytesMax: ACP_LINE_BYTES_MAX,
  capabilities: (entry) => ({ pause: 'hold', input: true, interrupt: true, approvals: true, usage: true, recover: true, ...special(entry) }),
  detect: detectAcpAgent,
  launch: launchAcpAgent,
  check: (entry) => void acpOptionsOf(entry),
  create: (host) => new AcpConversation(host, acpOptionsOf(host.run.entry)),
};

/** An entry that is wrong is refused when a run starts; until then it offers nothing special. */
function special(entry: ProviderEntry): Pick<Capabilities, 'steer' | 'mcp' | 'continue'> {
  try {
    const { steer, mcp, continue: goesOn } = acpOptionsOf(entry);
    return { steer, mcp, continue: goesOn };
  } catch (error) {
    if (error instanceof AppError) return { steer: false, mcp: true, continue: false };
    throw error;
  }
}
