#!/usr/bin/env node
// npm run demo: one agent at work, from task to report, over REST and WebSocket. Exit code 0 only if it is completed.
import { requireNode } from './lib/node-version.mjs';

requireNode();
const [{ ROOT, setUp }, { Refusal, fail }, { Interruption }] = await Promise.all([
  import('./lib/set-up.mjs'), import('./lib/say.mjs'), import('./lib/demo-interruption.mjs'),
]);
const USAGE = 'npm run demo: an agent at work, from task to report. It takes no arguments; ORBITMESH_HOME says in which home.';
const [argument] = process.argv.slice(2);
if (argument === '--help' || argument === '-h') {
  process.stdout.write(`${USAGE}\n`);
  process.exit(0);
}
if (argument !== undefined) fail(new Refusal(`Unknown argument ${argument}; ${USAGE}`));
const interruption = new Interruption();

try {
  const { natsServer } = await setUp({ nats: !process.env.ORBITMESH_NATS_URL });
  // Only now are the dependencies there that these need.
  const [{ findStack }, { tellStory }] = await Promise.all([import('./lib/demo-stack.mjs'), import('./lib/demo-story.mjs')]);
  const stack = await findStack({ root: ROOT, natsServer, interruption });
  try {
    await tellStory(stack, interruption);
  } finally {
    await stack.stop();
  }
  await interruption.ending;
  process.exit(0);
} catch (error) {
  await interruption.ending;
  // What the API refused is told as it says it; our own stack would add nothing.
  fail(['ApiError', 'UnreachableError'].includes(error?.name) ? new Refusal(error.message) : error);
}
