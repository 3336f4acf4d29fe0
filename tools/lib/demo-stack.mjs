import { homedir } from 'node:os';
import { join } from 'node:path';
import { readIfThere } from './files.mjs';
import { DEMO_STACK_WAIT_MS, LOCK_POLL_MS } from './limits.mjs';
import { homeLock } from './owner-lock.mjs';
import { Refusal, say, shortPath } from './say.mjs';
import { readSettings } from './settings.mjs';
import { readStack } from './stack-file.mjs';
import { Stack } from './stack.mjs';

/** @typedef {{ url: string, home: string, token: string, own: boolean, stop: () => Promise<void> }} DemoStack */

/**
 * The stack that already runs in `$ORBITMESH_HOME`, or one of the demo's own, in a home of its own on any free port.
 * @returns {Promise<DemoStack>}
 */
export async function findStack({ root, natsServer, interruption }) {
  const settings = readSettings();
  const running = await runningStack(settings.home);
  if (running) return running;
  return ownStack({ root, natsServer, interruption, settings: { ...settings, home: join(homedir(), '.orbitmesh-demo'), port: 0 } });
}

/** Waits while it starts. @returns {Promise<DemoStack | null>} null when no launcher holds this home */
async function runningStack(home) {
  const until = performance.now() + DEMO_STACK_WAIT_MS;
  let told = false;
  while (homeLock(home).held) {
    const stack = readStack(join(home, 'run'));
    const token = readIfThere(join(home, 'api-gateway', 'admin.token'))?.trim();
    if (stack?.ready && token) {
      say('stack', `the one that runs in ${shortPath(home)}, at ${stack.url}`);
      return { url: stack.url, home, token, own: false, stop: async () => {} };
    }
    if (!told) say('stack', `waiting for the one that starts in ${shortPath(home)}`);
    told = true;
    if (performance.now() > until) throw new Refusal(`The stack in ${shortPath(home)} did not become ready in ${DEMO_STACK_WAIT_MS / 60_000} minutes.`);
    await pause();
  }
  return null;
}

async function ownStack({ root, natsServer, interruption, settings }) {
  await untilNoOtherDemo(settings.home);
  say('stack', `none runs; starting one in ${shortPath(settings.home)}`);
  const stack = new Stack({ root, settings, say });
  await stack.open();
  let stopping = null;
  const stop = () => (stopping ??= stack.stop());
  interruption.undo = stop;
  stack.onLost = () => void stop();
  try {
    await stack.start(natsServer);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: stack.url, home: settings.home, token: readIfThere(stack.tokenFile).trim(), own: true, stop };
}

/** Another demo stops its stack when it is done: that one cannot be shared. */
async function untilNoOtherDemo(home) {
  const until = performance.now() + DEMO_STACK_WAIT_MS;
  for (let told = false; homeLock(home).held; told = true) {
    if (!told) say('stack', 'another demo is running; waiting for its end');
    if (performance.now() > until) throw new Refusal('The other demo did not end.');
    await pause();
  }
}

const pause = () => new Promise((done) => { setTimeout(done, LOCK_POLL_MS); });
