import { AppError } from '../errors/app-error.js';
import type { ProviderEntry } from './provider.js';

/** What an entry of `providers.json`, and so a spawn, may be called; it becomes part of a path. */
export const PROVIDER_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const KEYS = ['driver', 'command', 'env', 'secrets', 'custom'];

/**
 * The entries of `providers.json`, in its order: all of a file is good, or none of it is used.
 * @throws CONFIG_INVALID naming the entry and what is wrong with it
 */
export function providerEntriesOf(document: unknown): [name: string, entry: ProviderEntry][] {
  if (!isRecord(document)) throw invalid('it is not an object of entries by name');
  return Object.entries(document).map(([name, value]) => [name, entryOf(name, value)]);
}

function entryOf(name: string, value: unknown): ProviderEntry {
  if (!PROVIDER_NAME.test(name)) throw invalid('a name is letters, digits, ., _ and -, at most 64');
  if (!isRecord(value)) throw invalid(`${name} is not an object`);
  const { driver, command, env, secrets, custom } = value;
  const unknown = Object.keys(value).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) throw invalid(`${name} has the unknown key ${unknown}`);
  if (typeof driver !== 'string') throw invalid(`${name} has no driver`);
  if (!isStrings(command) || !command[0]?.startsWith('/')) throw invalid(`${name}: command is a list of words, the first an absolute path`);
  if (env !== undefined && !isStringMap(env)) throw invalid(`${name}: env is an object of strings`);
  if (secrets !== undefined && !isStringMap(secrets)) throw invalid(`${name}: secrets is an object of references`);
  if (custom !== undefined && !isRecord(custom)) throw invalid(`${name}: custom is an object`);
  return { driver, command, ...(env && { env }), ...(secrets && { secrets }), ...(custom && { custom }) };
}

function invalid(why: string): AppError {
  return new AppError('CONFIG_INVALID', `providers.json: ${why}.`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string' && !item.includes('\0'));
}

function isStringMap(value: unknown): value is Record<string, string> {
  return isRecord(value) && Object.entries(value).every(([key, item]) => typeof item === 'string' && !item.includes('\0') && key !== '' && !/[=\0]/.test(key));
}
