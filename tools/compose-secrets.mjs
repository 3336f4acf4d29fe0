#!/usr/bin/env node
// Makes the secrets of docker-compose.yml, those that are not there yet. Node's own modules only.
//   node tools/compose-secrets.mjs [directory, default .secrets]
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { keepNatsPasswords } from './lib/nats-passwords.mjs';

const target = resolve(process.argv[2] ?? join(fileURLToPath(new URL('..', import.meta.url)), '.secrets'));
// Compose gives a container the file as it is, and its users are not ours: the directory keeps others out.
process.umask(0);
keepNatsPasswords(target, 0o444);
process.stdout.write(`The secrets of docker-compose.yml are in ${target}.\n`);
