import { isAbsolute, normalize } from 'node:path';
import { AppError, type Manifest, type ProviderEntry } from '@orbitmesh/domain';
import { ACP_PRESETS } from './acp-presets.js';
import { fields } from '../wire/fields.js';

/** How one ACP agent differs from the others: a preset, and what `custom.acp` of its entry in `providers.json` says otherwise. */
export interface AcpOptions {
  /** What a result's `usage` counts: this turn (most agents), or the whole conversation. */
  usage: 'turn' | 'session';
  /** False where the agent offers session/load and it does not work. */
  continue: boolean;
  /** The agent is known to offer `_session/steering`: an input can go into the turn that runs. */
  steer: boolean;
  /** False where the agent takes MCP servers and does not offer their tools. */
  mcp: boolean;
  /** The agent does not end when its stdin does. */
  ignoresEof: boolean;
  /** Arguments that make the program (or its script, where it is one) say its version. Absent: no version is known. */
  versionArgs: string[] | null;
  /** The session mode in which the agent asks for permission, where that is not the one it begins with. Not offered: the start fails. */
  mode: string | null;
  /** The pattern of a turn's last piece of text that is no answer but the reason why there is none. */
  errorText: string | null;
  /**
   * Where the agent retries silently: the pattern of a line on its stderr that says so, with the groups
   * `status` and `message`, and how many failures of a turn are waited for. Its stderr is then a log, kept
   * beside the run and not said.
   */
  retryLog: { pattern: string; max: number } | null;
  /** Beginnings of the names of the agent's own notifications, which are passed over (as all that begin with `_` are). */
  extensions: string[];
  /**
   * How an MCP server gets the variables of the agent that it needs: over the wire, or, where the agent's
   * servers inherit its whole environment, from it. Then a server that is not ours gets no token.
   */
  forwards: 'wire' | 'inherited';
  /** `_meta` of the request that opens the conversation, in a project that is not trusted. */
  meta: Record<string, unknown>;
  /** Variables that lead the agent's own files into the session's state directory, with the path in it. */
  state: Record<string, string>;
  /** The directories of its state directory that a later run of the conversation finds, where the agent would obey what an earlier one left beside them. Null: all of it. */
  keeps: string[] | null;
  /** Files that the agent finds in its state directory, by their path in it: text, or JSON. */
  files: Record<string, string | object>;
  /** By the variable that is set: the login that is chosen in these files (`security.auth.selectedType` of gemini-cli and what is made of it). */
  login: Record<string, string>;
  /**
   * What a project brings for the agent to read (`when`: any of these in it), and the variables that make the agent leave it alone, with the
   * files where it needs some too (JSON: over what `files` has of that path). `refused`: what nothing keeps it from; it is
   * not started where one of these is.
   */
  untrusted: { when: string[]; env: Record<string, string>; files?: Record<string, string | object>; refused?: string[] } | null;
  /** The agent may read its own settings in the project: they can run commands and allow tools. */
  trustProject: boolean;
  /** Other variables, where nobody sets them otherwise. */
  env: Record<string, string>;
}

const DEFAULTS: AcpOptions = {
  usage: 'turn', continue: true, steer: false, mcp: true, ignoresEof: false, versionArgs: null, mode: null, errorText: null, retryLog: null,
  extensions: [], forwards: 'wire', meta: {}, keeps: null, state: {}, files: {}, login: {}, untrusted: null, trustProject: false, env: {},
};

const CHECKS: { [Key in keyof AcpOptions]: (value: unknown) => boolean } = {
  usage: (value) => value === 'turn' || value === 'session',
  continue: isBoolean,
  steer: isBoolean,
  mcp: isBoolean,
  ignoresEof: isBoolean,
  versionArgs: isTexts,
  mode: (value) => value === null || isText(value),
  errorText: (value) => value === null || isPattern(value),
  retryLog: (value) => value === null || (isPattern(fields(value).pattern) && Number.isInteger(fields(value).max) && Number(fields(value).max) > 0),
  extensions: isTexts,
  forwards: (value) => value === 'wire' || value === 'inherited',
  meta: isRecord,
  keeps: (value) => value === null || isTexts(value),
  state: (value) => isRecord(value) && Object.values(value).every(isInside),
  files: areFiles,
  login: (value) => isRecord(value) && Object.values(value).every(isText),
  untrusted: (value) => value === null || (isTexts(fields(value).when) && isRecord(fields(value).env) && Object.values(fields(fields(value).env)).every(isText) && (fields(value).refused === undefined || isTexts(fields(value).refused)) && (fields(value).files === undefined || areFiles(fields(value).files))),
  trustProject: isBoolean,
  env: (value) => isRecord(value) && Object.values(value).every(isText),
};

/** @throws CONFIG_INVALID when `custom.acp` holds something this driver does not know. */
export function acpOptionsOf(entry: ProviderEntry): AcpOptions {
  const { preset, ...given } = fields(entry.custom?.acp);
  const wrong = Object.entries(given).filter(([key, value]) => !Object.hasOwn(CHECKS, key) || !CHECKS[key as keyof AcpOptions](value)).map(([key]) => `custom.acp.${key}`);
  const known = preset === undefined || (isText(preset) && Object.hasOwn(ACP_PRESETS, preset));
  if (!known) wrong.push('custom.acp.preset');
  if (wrong.length) throw new AppError('CONFIG_INVALID', `The provider's entry is wrong at ${wrong.join(', ')}.`, { wrong });
  return { ...DEFAULTS, ...(preset === undefined ? {} : ACP_PRESETS[preset as string]), ...given };
}

/** What the project brings for the agent is in force: the project says so of its repository, or the entry of all. */
export function trustsProject({ trustProject }: AcpOptions, { trustRepository }: Pick<Manifest, 'trustRepository'>): boolean {
  return trustRepository === true || trustProject;
}

/** The variables that make the agent leave the project's settings alone are set: by us at its start, or by somebody else. */
export function isKeptFromProject({ untrusted }: AcpOptions, environment: Readonly<Record<string, string>>): boolean {
  return untrusted !== null && untrusted.when.length > 0 && Object.entries(untrusted.env).every(([name, value]) => environment[name] === value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isBoolean(value: unknown): boolean {
  return typeof value === 'boolean';
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(isText);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function areFiles(value: unknown): boolean {
  return isRecord(value) && Object.entries(value).every(([path, content]) => path !== '' && isInside(path) && (isText(content) || isRecord(content)));
}

/** A path that cannot lead out of the directory it is taken in. */
function isInside(value: unknown): boolean {
  return isText(value) && !isAbsolute(value) && !normalize(value).startsWith('..');
}

function isPattern(value: unknown): boolean {
  if (!isText(value)) return false;
  try {
    return Boolean(new RegExp(value));
  } catch {
    return false;
  }
}
