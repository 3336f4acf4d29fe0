import { describe, expect, it } from '@jest/globals';
import { manifestOf } from '../drivers/testing/journaled-driver.js';
import { mcpServersOf } from './mcp-servers.js';

const entry = { driver: 'acp', command: ['/bin/agent'], secrets: { MODEL_KEY: 'env:KEY' } };
const files = { cli: '/run/bin/orbitmesh' };
const theirs = { name: 'files', command: '/bin/files', args: ['--stdio'], env: { LEVEL: '1', COLOUR: 'own' } };
const manifest = manifestOf({ environment: { COLOUR: 'teal', SIZE: '3' }, secrets: { FILES_KEY: 'env:F' }, provider: { ...manifestOf().provider, mcpServers: [theirs] } });

describe('the MCP servers of a run', () => {
  it('are our own, as the session, and then those of the session', () => {
    const [own, second, ...more] = mcpServersOf(manifest, entry, files, { GIT_CONFIG_COUNT: '1', OTHER: 'x' });

    expect(own).toMatchObject({ name: 'orbitmesh', command: '/run/bin/orbitmesh', args: ['mcp'], env: {}, own: true });
    expect(own.forward).toEqual(expect.arrayContaining(['ORBITMESH_TOKEN', 'ORBITMESH_API_URL', 'ORBITMESH_SESSION_ID', 'ORBITMESH_RUN_ID']));
    expect(second).toEqual({ ...theirs, forward: ['SIZE', 'FILES_KEY', 'GIT_CONFIG_COUNT', 'ORBITMESH_RUN_ID', 'ORBITMESH_MANIFEST'] });
    expect(more).toEqual([]);
  });

  it('are those of the session alone where the entry turns our own off', () => {
    expect(mcpServersOf(manifest, { ...entry, custom: { orbitmeshMcp: false } }, files, {}).map(({ name }) => name)).toEqual(['files']);
    expect(mcpServersOf(manifest, { ...entry, custom: { orbitmeshMcp: true } }, files, {}).map(({ name }) => name)).toEqual(['orbitmesh', 'files']);
  });
});
