#!/usr/bin/env node
// The stack of a checkout that is built already: what `npm start` does after its set-up. Tests start this one.
import { readArguments, runStack } from './lib/run-stack.mjs';
import { fail } from './lib/say.mjs';
import { ROOT, findNats } from './lib/set-up.mjs';

const prepare = async ({ natsUrl }) => ({ natsServer: natsUrl ? null : await findNats() });

try {
  const { keepAgents } = readArguments(process.argv.slice(2));
  await runStack({ root: ROOT, keepAgents, prepare });
} catch (error) {
  fail(error);
}
