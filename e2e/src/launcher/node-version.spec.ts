import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { TOOLS } from './stub-checkout.js';

function requireNode(version: string): { status: number | null; stderr: string } {
  const script = `import('${TOOLS}lib/node-version.mjs').then(({ requireNode }) => requireNode('${version}'))`;
  const { status, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
  return { status, stderr };
}

describe('an old Node.js', () => {
  it.each(['18.20.4', '20.18.3', '16.0.0'])('%s is refused in one sentence', (version) => {
    expect(requireNode(version)).toEqual({ status: 1, stderr: `OrbitMesh needs Node.js 20.19 or newer; this is ${version}.\n` });
  });

  it.each(['20.19.0', '20.20.2', '22.1.0', '26.10.0'])('%s is new enough', (version) => {
    expect(requireNode(version)).toEqual({ status: 0, stderr: '' });
  });
});
