/** What a driver can really do; what it cannot is answered 409 NOT_SUPPORTED (design §7). */
export interface Capabilities {
  /** `hold`: approvals and input are held back; `freeze`: the process is suspended; `none`. */
  pause: 'hold' | 'freeze' | 'none';
  input: boolean;
  interrupt: boolean;
  steer: boolean;
  approvals: boolean;
  mcp: boolean;
  usage: boolean;
  /** A run goes on after its runner's death. */
  recover: boolean;
  /** A finished session can be continued in the agent's own conversation. */
  continue: boolean;
}

export interface McpServerConfig { name: string; command: string; args: string[]; env: Record<string, string> }

/** One entry of `providers.json` (design §4.3). */
export interface ProviderEntry {
  driver: string;
  /** argv; the first is an absolute path. */
  command: string[];
  env?: Record<string, string>;
  secrets?: Record<string, string>;
  custom?: Record<string, unknown>;
}

/** The spec's provider configuration, as a driver gets it. */
export interface ProviderConfig {
  providerType: string;
  workingDir: string;
  environment: Record<string, string>;
  systemPrompt: string;
  mcpServers: McpServerConfig[];
  custom: Record<string, unknown>;
}

/** What `GET /api/providers` says of an entry on a runner. */
export interface ProviderInfo {
  name: string;
  driver: string;
  installed: boolean;
  version: string | null;
  detail: string | null;
  capabilities: Capabilities;
}
