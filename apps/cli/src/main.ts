#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

// A checkout has the CLI as one file as well, which is there in a third of the time (ADR-0019).
const bundles = new URL('../../../tools/lib/bundle.mjs', import.meta.url);
const { entryOf } = existsSync(bundles) ? await import(bundles.href) as { entryOf(root: string, app: string): string } : { entryOf: null };
await import(entryOf ? pathToFileURL(entryOf(fileURLToPath(new URL('../../../', import.meta.url)), 'cli')).href : './run.js');
