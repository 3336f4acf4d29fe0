#!/usr/bin/env node
// The stack of a checkout that is built already: what `npm start` does after its set-up. Tests start this one.
import { join } from 'node:path';
import { readArguments, runStack } from './lib/run-stack.mjs';
import { fail } from './lib/say.mjs';
import { ROOT } from './lib/set-up.mjs';

async function natsServerOf({ natsUrl }) {
  if (natsUrl) return { natsServer: null };
  const { ensureNatsServer } = await import('./nats-server.mjs');
  return { natsServer: await ensureNatsServer(join(ROOT, '.cache')) };
}

try {
  const { keepAgents } = readArguments(process.argv.slice(2));
  await runStack({ root: ROOT, keepAgents, prepare: natsServerOf });
} catch (error) {
  fail(error);
}
