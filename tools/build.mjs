#!/usr/bin/env node
// npm run build: what npm start and npm test build before anything else.
import { requireNode } from './lib/node-version.mjs';

requireNode();
const [{ setUp }, { Refusal }] = await Promise.all([import('./lib/set-up.mjs'), import('./lib/say.mjs')]);
try {
  await setUp({ nats: false });
} catch (error) {
  process.stderr.write(`${error instanceof Refusal ? error.message : error.stack}\n`);
  process.exitCode = 1;
}
