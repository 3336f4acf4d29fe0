import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { readFile, stat } from 'node:fs/promises';
import type { ConnectionOptions } from '@orbitmesh/api-client';
import { CliError, EXIT } from './exit-code.js';
import { FILE_BYTES_MAX } from './limits.js';

type Env = NodeJS.ProcessEnv;

export function homeOf(env: Env): string {
  return env['ORBITMESH_HOME'] ? resolve(env['ORBITMESH_HOME']) : join(homedir(), '.orbitmesh');
}

/**
 * Where OrbitMesh is and who we are there (design §8): an agent by its own token or not at all; a person by ORBITMESH_API_URL
 * and ORBITMESH_TOKEN, else as the owner of the home. The owner's token goes only to the address its own stack wrote down.
 * @throws CliError
 */
export async function connectionOf(env: Env): Promise<ConnectionOptions> {
  const { ORBITMESH_API_URL: url, ORBITMESH_TOKEN: token, ORBITMESH_SESSION_ID: sessionId } = env;
  if (sessionId) {
    if (!url || !token) throw new CliError(EXIT.refused, 'In a session (ORBITMESH_SESSION_ID) its own ORBITMESH_TOKEN and ORBITMESH_API_URL are needed; no other token is used there.');
    return { url: checked(url), token };
  }
  if (url && !token) throw new CliError(EXIT.refused, "ORBITMESH_API_URL without ORBITMESH_TOKEN: the home's own token is not sent to another address.");
  return { url: url ? checked(url) : await stackUrl(env), token: token ?? await adminToken(env) };
}

/** @throws CliError */
export async function adminToken(env: Env): Promise<string> {
  if (env['ORBITMESH_SESSION_ID']) throw new CliError(EXIT.refused, "In a session there is no admin's token.");
  const file = join(homeOf(env), 'api-gateway', 'admin.token');
  const token = await readSmall(file);
  if (!token) throw new CliError(EXIT.unreachable, `There is no token at ${file}: OrbitMesh was not started yet with this home. Run: npm start`);
  return token.trim();
}

async function stackUrl(env: Env): Promise<string> {
  const file = join(homeOf(env), 'run', 'stack.json');
  const text = await readSmall(file);
  if (text === null) throw new CliError(EXIT.unreachable, `OrbitMesh does not run (there is no ${file}). Run: npm start`);
  let url: unknown;
  try {
    ({ url } = JSON.parse(text) as { url?: unknown });
  } catch {
    throw new CliError(EXIT.failure, `${file} is damaged.`);
  }
  if (typeof url !== 'string') throw new CliError(EXIT.unreachable, 'OrbitMesh is still starting.');
  return checked(url);
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
