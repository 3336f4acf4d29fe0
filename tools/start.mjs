#!/usr/bin/env node
// npm start: everything from a fresh clone to a running stack (design §10).
import { requireNode } from './lib/node-version.mjs';

requireNode();
const [{ readArguments, runStack }, { ROOT, setUp }, { fail }] = await Promise.all([
  import('./lib/run-stack.mjs'), import('./lib/set-up.mjs'), import('./lib/say.mjs'),
]);

try {
  const { keepAgents } = readArguments(process.argv.slice(2));
  await runStack({ root: ROOT, keepAgents, prepare: ({ natsUrl }) => setUp({ nats: natsUrl === null }) });
} catch (error) {
  fail(error);
}
