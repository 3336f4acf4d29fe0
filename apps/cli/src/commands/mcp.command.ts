import type { Register } from '../site.js';

/** Loaded when it is called for: no other command is to wait for the SDK. */
export const registerMcp: Register = (program) => {
  program.add({
    name: 'mcp', about: 'for agents: the tools of their session as an MCP server on stdin and stdout', prints: 'documents',
    more: 'Runners give it to every agent that takes MCP servers. It ends when its stdin does.',
  }, async (context) => (await import('../mcp/serve.js')).serveMcp(context));
};
