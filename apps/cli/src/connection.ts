import { join } from 'node:path';
import { constants } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectionOptions } from '@orbitmesh/api-client';
import { isCopied } from './checkout.js';
import { CliError, EXIT } from './exit-code.js';
import { homeOf } from './home.js';
import { launcherOf } from './launcher.js';
import { ownSecretsIn } from './own-secrets.js';
import { FILE_BYTES_MAX, STACK_FILE_MS_MAX, STACK_POLL_MS } from './limits.js';

type Env = NodeJS.ProcessEnv;
const OTHERS = 0o077;

/** `run/stack.json` of a home (design §10): what is true of the stack that runs there now. */
export interface StackFile {
  ready?: boolean;
  url?: string | null;
  launcher?: { pid: number; startTime: string | null };
  services?: Record<string, { pid: number | null; startTime: string | null; state: string; restarts: number }>;
}

/**
 * Where OrbitMesh is and who we are there (design §8): an agent by its own token or not at all; a person by ORBITMESH_API_URL
 * and ORBITMESH_TOKEN, else as the owner of the home. The owner's token goes only to the address its own stack wrote down.
 * @throws CliError
 */
export async function connectionOf(env: Env): Promise<ConnectionOptions> {
  return { ...await placeOf(env), ...traceOf(env) };
}

/** What an agent does with us is part of what it was started for; a tool that traces its own children says so the same way. */
function traceOf({ TRACEPARENT: traceparent = '' }: Env): { traceparent?: string } {
  return /^[0-9a-f-]{55,256}$/.test(traceparent) ? { traceparent } : {};
}

async function placeOf(env: Env): Promise<ConnectionOptions> {
  const { ORBITMESH_API_URL: url, ORBITMESH_TOKEN: token, ORBITMESH_SESSION_ID: sessionId } = env;
  if (sessionId) {
    if (!url || !token) throw new CliError(EXIT.refused, 'In a session (ORBITMESH_SESSION_ID) its own ORBITMESH_TOKEN and ORBITMESH_API_URL are needed; no other token is used there.');
    const secrets = ownSecretsIn(env);
    return { url: checked(url), token, clean: (body) => secrets.deep(body) };
  }
  if (url && !token) {
    const hint = 'Set ORBITMESH_TOKEN to a token of that OrbitMesh (orbitmesh token prints it there), or unset ORBITMESH_API_URL.';
    throw new CliError(EXIT.refused, "ORBITMESH_API_URL without ORBITMESH_TOKEN: the home's own token is not sent to another address.", { hint });
  }
  // Whoever set it meant another token than the owner's.
  if (token === '') throw new CliError(EXIT.refused, 'ORBITMESH_TOKEN is empty.', { hint: "Set it to a token, or unset it: then the home's own is used." });
  return { url: url ? checked(url) : await stackUrl(env), token: token ?? await adminToken(env) };
}

/** @throws CliError */
export async function adminToken(env: Env): Promise<string> {
  if (env['ORBITMESH_SESSION_ID']) throw new CliError(EXIT.refused, "In a session there is no owner's token.");
  const file = join(homeOf(env), 'api-gateway', 'admin.token');
  const found = await openToken(file);
  if (found === null) throw new CliError(EXIT.unreachable, `There is no token at ${file}: OrbitMesh was not started yet with this home, or somebody removed it.`, { hint: 'Its next start makes one: % up. Where it runs: % down, and then % up.' });
  const { mode, text } = found;
  if ((mode & OTHERS) === 0) return text.trim();
  const hint = `Close it, and take a new one: chmod 600 ${file}, and then % token rotate admin`;
  throw new CliError(EXIT.refused, `${file} is open to other users (mode ${(mode & 0o777).toString(8)}), who may have read it: it is not used like that.`, { hint });
}

/** The mode is that of what is read. A link is not followed. */
async function openToken(file: string): Promise<{ mode: number; text: string } | null> {
  try {
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const { mode, size } = await handle.stat();
      if (size > FILE_BYTES_MAX) throw new CliError(EXIT.failure, `${file} is not a file of OrbitMesh.`);
      return { mode, text: await handle.readFile('utf8') };
    } finally {
      await handle.close();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    if (code === 'ELOOP') throw new CliError(EXIT.refused, `${file} is a link, and not followed.`);
    throw error;
  }
}

/** The stack of this very home, by its own word; null when there is none, or when we speak with another one. @throws CliError */
export async function stackOf(env: Env): Promise<StackFile | null> {
  if (env['ORBITMESH_SESSION_ID'] || env['ORBITMESH_API_URL']) return null;
  const dir = join(homeOf(env), 'run');
  const file = join(dir, 'stack.json');
  const text = await readSmall(file);
  if (text === null) return null;
  let stack: StackFile | null;
  try {
    stack = JSON.parse(text) as StackFile | null;
  } catch {
    throw new CliError(EXIT.failure, `${file} is damaged.`, { hint: 'A running stack writes it again by itself; else start it: % up' });
  }
  return await isCopied(dir, stack) ? null : stack;
}

async function stackUrl(env: Env): Promise<string> {
  const stack = await stackOf(env) ?? await stackWrittenAgain(env);
  if (stack === null) throw notRunning(`OrbitMesh does not run in ${homeOf(env)}.`);
  if (typeof stack.url !== 'string') throw new CliError(EXIT.unreachable, 'OrbitMesh is still starting.', { hint: 'Wait for it with: % up' });
  return checked(stack.url);
}

/** Somebody removed the file under a stack that runs. */
async function stackWrittenAgain(env: Env): Promise<StackFile | null> {
  const until = performance.now() + STACK_FILE_MS_MAX;
  let stack: StackFile | null = null;
  while (stack === null && performance.now() < until && await launcherOf(env)) {
    await delay(STACK_POLL_MS);
    stack = await stackOf(env);
  }
  return stack;
}

function notRunning(message: string): CliError {
  return new CliError(EXIT.unreachable, message, { hint: 'Start it with: % up   (npm start in the checkout does the same)' });
}

function checked(url: string): string {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) throw new CliError(EXIT.usage, `${url} is not an http address.`);
  return url;
}

async function readSmall(file: string): Promise<string | null> {
  try {
    if ((await stat(file)).size > FILE_BYTES_MAX) throw new CliError(EXIT.failure, `${file} is not a file of OrbitMesh.`);
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
