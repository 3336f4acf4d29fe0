import { statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { AppError, type ProviderEntry } from '@orbitmesh/domain';
import { readRegularFile } from '../files/regular-file.js';
import { PROVIDERS_FILE_BYTES_MAX } from '../limits.js';

/** What a spawn may name; the same in session-service. */
export const PROVIDER_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const KEYS = ['driver', 'command', 'env', 'secrets', 'custom'];

/**
 * The entries of `$ORBITMESH_HOME/providers.json` and the built-in `demo`; read again when the file is
 * another one. A broken file changes nothing: the last good one stays in force, `problem` says why.
 */
export class ProvidersFile {
  private entries: ReadonlyMap<string, ProviderEntry>;
  private signature = '';
  private broken: string | null = null;
  private readonly path: string;

  constructor(home: string, private readonly demo: ProviderEntry) {
    this.path = join(home, 'providers.json');
    this.entries = new Map([['demo', demo]]);
  }

  get problem(): string | null {
    return this.broken;
  }

  get(name: string): ProviderEntry | undefined {
    this.refresh();
    return this.entries.get(name);
  }

  list(): { name: string; entry: ProviderEntry }[] {
    return [...this.entries].map(([name, entry]) => ({ name, entry }));
  }

  /** @returns whether the entries in force have changed */
  refresh(): boolean {
    const signature = signatureOf(this.path);
    if (signature === this.signature) return false;
    this.signature = signature;
    try {
      this.entries = new Map([['demo', this.demo], ...(signature === '' ? [] : readEntries(this.path))]);
      this.broken = null;
      return true;
    } catch (error) {
      this.broken = error instanceof AppError ? error.message : `providers.json cannot be read (${(error as NodeJS.ErrnoException).code ?? 'not JSON'}).`;
      return false;
    }
  }
}

/** Empty: there is no such file. One that cannot be looked at (a link to itself, say) is told by why, and reading it says so. */
function signatureOf(path: string): string {
  try {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false });
    return found ? [found.ino, found.mode, found.size, found.mtimeNs, found.ctimeNs].join(' ') : '';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  }
}

function readEntries(path: string): [string, ProviderEntry][] {
  const bytes = readRegularFile(path, PROVIDERS_FILE_BYTES_MAX);
  if (!bytes) throw invalid('it is no regular file of at most 1 MiB');
  const document = JSON.parse(bytes.toString()) as unknown;
  if (!isRecord(document)) throw invalid('it is not an object of entries by name');
  return Object.entries(document).map(([name, value]) => [name, entryOf(name, value)]);
}

/** @throws CONFIG_INVALID naming the entry and what is wrong with it */
function entryOf(name: string, value: unknown): ProviderEntry {
  if (!PROVIDER_NAME.test(name)) throw invalid('a name is letters, digits, ., _ and -, at most 64');
  if (!isRecord(value)) throw invalid(`${name} is not an object`);
  const { driver, command, env, secrets, custom } = value;
  const unknown = Object.keys(value).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) throw invalid(`${name} has the unknown key ${unknown}`);
  if (typeof driver !== 'string') throw invalid(`${name} has no driver`);
  if (!isStrings(command) || !isAbsolute(command[0] ?? '')) throw invalid(`${name}: command is a list of words, the first an absolute path`);
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
