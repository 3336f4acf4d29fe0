import { validationError, type SpawnSessionBody } from '@orbitmesh/contracts';

/** The name under which our own MCP server is given to every agent (design §8). */
const OWN_SERVER = 'orbitmesh';
/** Agents join a server's name and its tools' by various signs: what begins like ours could be taken for it. */
const LIKE_OURS = new RegExp(`^${OWN_SERVER}`, 'i');

/** Agents know MCP servers by name: one would hide the other. @throws VALIDATION_FAILED with `errors` (JSON pointers) */
export function assertMcpServerNames({ mcpServers = [] }: Pick<SpawnSessionBody, 'mcpServers'>): void {
  const seen = new Set<string>();
  mcpServers.forEach(({ name }, n) => {
    const detail = LIKE_OURS.test(name) ? `must not begin with ${OWN_SERVER}: that is our own` : seen.has(name) ? 'must not be that of another server' : null;
    if (detail) throw validationError([{ pointer: `/mcpServers/${n}/name`, detail }], 'body');
    seen.add(name);
  });
}
