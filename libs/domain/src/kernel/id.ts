import { AppError } from '../errors/app-error.js';

/** What every id looks like (design §4.2): one path element, one NATS token. */
export const ID_PATTERN = /^[A-Za-z0-9_-]{1,64}$/;
export const ID_CHARS_MAX = 64;

export const ID_PREFIXES = {
  project: 'proj',
  task: 'task',
  session: 'sess',
  teamMember: 'tm',
  mail: 'mail',
  broadcast: 'bc',
  run: 'run',
  approval: 'appr',
  input: 'inp',
  timeline: 'tl',
  notification: 'ntf',
  webhook: 'whk',
  delivery: 'dlv',
  token: 'tok',
  auditEntry: 'aud',
} as const;

export type IdKind = keyof typeof ID_PREFIXES;

export function isId(value: unknown): value is string {
  return typeof value === 'string' && ID_PATTERN.test(value);
}

/** @throws VALIDATION_FAILED when the value could not be a path element or a subject token. */
export function assertId(value: unknown, name = 'id'): asserts value is string {
  if (!isId(value)) throw new AppError('VALIDATION_FAILED', `${name} is not a valid id.`, { name });
}
