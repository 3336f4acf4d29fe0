import { describe, expect, it } from '@jest/globals';
import { ownToolAnswer } from './acp-own-tools.js';

const own = { name: 'orbitmesh', command: '/run/bin/orbitmesh', args: ['mcp'], env: {}, forward: [], own: true as const };
const options = [{ optionId: 'ever', name: 'Always', kind: 'allow_always' as const }, { optionId: 'yes', name: 'Yes', kind: 'allow_once' as const }, { optionId: 'no', name: 'No', kind: 'reject_once' as const }];

describe("a question about a tool of OrbitMesh's own MCP server", () => {
  it.each([
    [{ title: 'report_progress (orbitmesh MCP Server)', kind: 'other' }], [{ title: 'mcp__orbitmesh__report_progress', kind: 'other' }], [{ title: 'orbitmesh_report_progress' }],
    [{ title: 'Tool: orbitmesh/report_progress', kind: 'other' }], [{ title: 'mcp.orbitmesh.report_progress', kind: 'other' }], [{ title: 'orbitmesh-report_progress', kind: 'think' }],
  ])('is answered with yes, this once: %j', (toolCall) => {
    expect(ownToolAnswer(toolCall, options, { mcpServers: [own] })).toBe('yes');
    expect(ownToolAnswer(toolCall, options.slice(0, 1), { mcpServers: [own] })).toBe('ever');
    expect(ownToolAnswer(toolCall, options.slice(2), { mcpServers: [own] })).toBeUndefined();
  });

  it.each([
    [{ title: 'report_progress (orbitmesh MCP Server)', kind: 'execute' }], [{ title: 'rm -rf / # (orbitmesh MCP Server)', kind: 'other' }], [{ title: 'report_progress (other MCP Server)', kind: 'other' }],
    [{ title: 'mcp__orbitmesh__x; rm', kind: 'other' }], [{ title: 'orbitmesh report progress "x"', kind: 'other' }], [{ title: 'mcp__other__orbitmesh__x', kind: 'other' }], [{ kind: 'other' }],
  ])('is not what only looks like one: %j', (toolCall) => {
    expect(ownToolAnswer(toolCall, options, { mcpServers: [own] })).toBeUndefined();
  });

  it('is for people where that server is not ours', () => {
    const { own: _own, ...theirs } = own;
    expect(ownToolAnswer({ title: 'mcp__orbitmesh__report_progress', kind: 'other' }, options, { mcpServers: [theirs] })).toBeUndefined();
  });
});
