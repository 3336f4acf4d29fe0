import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readIfThere, replaceFile } from './files.mjs';

/** As long as a key of 192 bits: nobody guesses it, so nothing slow need check it. */
const PASSWORD_BYTES = 24;

/** Who may do what (ADR-0030), generated from the contracts. */
export const NATS_USERS = readFileSync(fileURLToPath(new URL('../nats-users.conf', import.meta.url)), 'utf8');

/**
 * The password of every user that `nats-users.conf` names, made once and kept: a file a user, by the user's name, and
 * `passwords.conf` for nats-server.
 * @param {string} dir made for its owner alone
 * @param {number} mode of the files
 */
export function keepNatsPasswords(dir, mode = 0o600) {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  // It may have been there.
  chmodSync(dir, 0o700);
  const lines = [...NATS_USERS.matchAll(/user: "([a-z-]+)", password: \$(\w+)/g)].map(([, user, variable]) => `${variable}: "${passwordIn(join(dir, user), mode)}"`);
  replaceFile(join(dir, 'passwords.conf'), ['# Written from the files beside it.', ...lines, ''].join('\n'), mode);
}

function passwordIn(file, mode) {
  const kept = readIfThere(file)?.trim();
  // What is not one of ours may be a half-written file, and must not become a line of nats-server's configuration.
  if (kept && /^[A-Za-z0-9]{16,}$/.test(kept)) return kept;
  const password = randomBytes(PASSWORD_BYTES).toString('hex');
  replaceFile(file, `${password}\n`, mode);
  return password;
}
