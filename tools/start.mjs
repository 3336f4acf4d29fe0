#!/usr/bin/env node
// npm start: everything from a fresh clone to a running stack (design §10).
import { requireNode } from './lib/node-version.mjs';

requireNode();
const [{ readArguments, runStack }, { ROOT, setUp }, { fail, sayInto }, { RotatingLog }] = await Promise.all([
  import('./lib/run-stack.mjs'), import('./lib/set-up.mjs'), import('./lib/say.mjs'), import('./lib/rotating-log.mjs'),
]);

try {
  const { keepAgents, log } = readArguments(process.argv.slice(2));
  if (log) sayInto(new RotatingLog(log));
  await runStack({ root: ROOT, keepAgents, prepare: ({ natsUrl }) => setUp({ nats: natsUrl === null }) });
} catch (error) {
  fail(error);
}
