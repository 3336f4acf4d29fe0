#!/usr/bin/env node
// npm run lint: the same lint as in npm test.
import { lint } from './lib/run-tests.mjs';

process.exitCode = (await lint()) ? 0 : 1;
