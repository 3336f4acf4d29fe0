import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { eventually, startStack, type TestStack } from '@orbitmesh/testing';
import { journal, StubCheckout } from './stub-checkout.js';

let checkout: StubCheckout;
beforeAll(async () => { checkout = await StubCheckout.make(); });
afterAll(() => checkout.remove());

async function start(env: Record<string, string>, waitReady: boolean): Promise<{ stack: TestStack; home: string }> {
  const home = await checkout.home();
  return { stack: await startStack({ home, launcher: checkout.launcher, waitReady, env }), home };
}

it.each([
  ['on every address', { ORBITMESH_HOST: '0.0.0.0' }, 'ORBITMESH_ALLOW_REMOTE=1'],
  ['on every address of IPv6', { ORBITMESH_HOST: '::' }, 'ORBITMESH_ALLOW_REMOTE=1'],
  ['on an address of the network', { ORBITMESH_HOST: '192.0.2.7', ORBITMESH_ALLOWED_HOSTS: 'mesh.example' }, 'ORBITMESH_ALLOW_REMOTE=1'],
  ['by a flag that says no', { ORBITMESH_HOST: '0.0.0.0', ORBITMESH_ALLOW_REMOTE: '0', ORBITMESH_ALLOWED_HOSTS: 'mesh.example' }, 'ORBITMESH_ALLOW_REMOTE=1'],
  ['without a name to be called by', { ORBITMESH_HOST: '0.0.0.0', ORBITMESH_ALLOW_REMOTE: '1' }, 'ORBITMESH_ALLOWED_HOSTS'],
])('a start that would let other machines in, %s, is refused before anything runs, with the remedy', async (_how, env, remedy) => {
  const { stack, home } = await start(env, false);
  await eventually(() => stack.launcher.exitCode !== null, { what: 'the end of the launcher' });

  expect([stack.launcher.exitCode, stack.output]).toEqual([1, expect.stringContaining(remedy)]);
  expect(await journal(home).catch(() => [])).toEqual([]);
});

it('on purpose it starts, and says what that means', async () => {
  const { stack } = await start({ ORBITMESH_HOST: '0.0.0.0', ORBITMESH_ALLOW_REMOTE: '1', ORBITMESH_ALLOWED_HOSTS: 'mesh.example' }, true);
  await eventually(() => stack.output.includes('OPEN'), { what: 'the warning' });

  expect(stack.output).toMatch(/OPEN +other machines can reach it, on 0\.0\.0\.0 .*whoever has a token runs commands here as you/);
  expect(await stack.interrupt()).toMatchObject({ code: 0 });
});
