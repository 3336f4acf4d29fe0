import type { FieldCheck, FieldProblem } from './field.js';
import { CUSTOM_BYTES_MAX, CUSTOM_DEPTH_MAX, MAP_ENTRIES_MAX, MAP_KEY_CHARS_MAX, MAP_VALUE_CHARS_MAX, PATH_CHARS_MAX, RUNNER_LABEL_CHARS_MAX, RUNNER_LABELS_MAX, WEBHOOK_URL_CHARS_MAX } from './limits.js';
import { WEBHOOK_TYPES } from './webhook.bodies.js';

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const SECRET_REFERENCE = /^(?:env:[A-Za-z_][A-Za-z0-9_]*|file:\/.+)$/;
/** A whole word of the name, or its end where nothing else is meant: MAX_TOKENS, MONKEY and KEYBOARD_LAYOUT are no secrets. */
const SECRET_WORD = /^(?:api|access|private|secret|auth|encryption|signing|ssh)?keys?$|(?:token|secrets?)$|credential|apikey/;
/** `pass` at the end of a word, unless it is one of the words that end so. */
const PASS_WORD = /(?<!^com|^by|^tres|^sur|^over|^under|^en|^im)pass(?:words?|wd|phrase|code)?$/;
/** PWD and PAT alone say something else: they are secrets *of* something. */
const SECRET_OF = /^(?:pwd|pat)$/;

/** RFC 6901: one reference token. */
export function pointerTo(key: string | number): string {
  return `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Does the name of a variable say that its value is a key, token, secret or password (design §4.3)? */
export function looksLikeSecret(name: string): boolean {
  // A number at the end of a word only counts: DB_PASS2.
  const words = name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase().split('_').map((word) => word.replace(/\d+$/, '')).filter(Boolean);
  return words.some((word, n) => SECRET_WORD.test(word) || PASS_WORD.test(word) || (n > 0 && SECRET_OF.test(word)));
}

function checkMap(value: unknown, checkEntry: (name: string, value: unknown) => Omit<FieldProblem, 'pointer'> | null): FieldProblem[] {
  if (!isPlainObject(value)) return [{ pointer: '', detail: 'must be an object of strings' }];
  const names = Object.keys(value);
  if (names.length > MAP_ENTRIES_MAX) return [{ pointer: '', detail: `must have at most ${MAP_ENTRIES_MAX} entries` }];
  return names.flatMap((name) => {
    const problem = checkName(name) ?? checkEntry(name, value[name]);
    return problem ? [{ pointer: pointerTo(name), ...problem }] : [];
  });
}

function checkName(name: string): { detail: string } | null {
  if (name.length > MAP_KEY_CHARS_MAX || !ENV_NAME.test(name)) return { detail: 'the name must be that of an environment variable' };
  if (name.toUpperCase().startsWith('ORBITMESH_')) return { detail: 'names that begin with ORBITMESH_ are ours' };
  return null;
}

/** Plain values; a name that looks like a secret is refused with the way to pass it. */
export const checkEnvironment: FieldCheck = (value) => checkMap(value, (name, entry) => {
  if (typeof entry !== 'string') return { detail: 'must be a string' };
  if (entry.length > MAP_VALUE_CHARS_MAX) return { detail: `must be at most ${MAP_VALUE_CHARS_MAX} characters` };
  if (!looksLikeSecret(name)) return null;
  return {
    code: 'SECRET_BY_VALUE',
    detail: `${name} looks like a secret, and plain values are kept in the manifest. Pass it as a reference instead: "secrets": {"${name}": "env:${name}"} or "file:/path", which only the runner resolves.`,
  };
});

/** NAME → `env:X` | `file:/p`. */
export const checkSecrets: FieldCheck = (value) => checkMap(value, (_name, entry) => {
  if (typeof entry !== 'string') return { detail: 'must be a string' };
  if (entry.length <= PATH_CHARS_MAX && SECRET_REFERENCE.test(entry)) return null;
  // The value is not repeated: it may be the secret itself.
  return { detail: 'must be a reference, "env:NAME" or "file:/absolute/path", never the secret itself', code: 'SECRET_BY_VALUE' };
});

/** As `ORBITMESH_RUNNER_LABELS` takes them. */
export const RUNNER_LABEL_NAME = /^[A-Za-z0-9._-]+$/;
export const RUNNER_LABEL_VALUE = /^[^,\s]*$/;

/** What a runner must have been given. */
export const checkRunnerLabels: FieldCheck = (value) => {
  if (!isPlainObject(value)) return [{ pointer: '', detail: 'must be an object of strings' }];
  const labels = Object.entries(value);
  if (labels.length > RUNNER_LABELS_MAX) return [{ pointer: '', detail: `must have at most ${RUNNER_LABELS_MAX} labels` }];
  return labels.flatMap(([name, label]) => {
    const problem = (detail: string): FieldProblem[] => [{ pointer: pointerTo(name), detail }];
    if (name.length > RUNNER_LABEL_CHARS_MAX || !RUNNER_LABEL_NAME.test(name)) return problem(`the name must be 1 to ${RUNNER_LABEL_CHARS_MAX} of A-Z a-z 0-9 . _ -`);
    if (typeof label !== 'string' || label.length > RUNNER_LABEL_CHARS_MAX || !RUNNER_LABEL_VALUE.test(label)) return problem(`must be a string of at most ${RUNNER_LABEL_CHARS_MAX} characters without commas and spaces`);
    return [];
  });
};

/** Any JSON object, bounded in depth and size, with finite numbers. */
export const checkCustom: FieldCheck = (value) => {
  if (!isPlainObject(value)) return [{ pointer: '', detail: 'must be an object' }];
  if (depthOf(value, CUSTOM_DEPTH_MAX + 1) > CUSTOM_DEPTH_MAX) return [{ pointer: '', detail: `must be at most ${CUSTOM_DEPTH_MAX} levels deep` }];
  const bytes = Buffer.byteLength(JSON.stringify(value));
  return bytes > CUSTOM_BYTES_MAX ? [{ pointer: '', detail: `must be at most ${CUSTOM_BYTES_MAX} bytes as JSON` }] : [];
};

function depthOf(value: unknown, stopAt: number): number {
  if (typeof value !== 'object' || value === null || stopAt === 0) return 0;
  let deepest = 0;
  for (const child of Object.values(value)) deepest = Math.max(deepest, depthOf(child, stopAt - 1));
  return deepest + 1;
}

/** An absolute path without a step up; whether it is there and allowed is for a runner to say. */
export const checkAbsolutePath: FieldCheck = (value) => {
  if (typeof value !== 'string' || value.length > PATH_CHARS_MAX || !value.startsWith('/')) return [{ pointer: '', detail: 'must be an absolute path' }];
  return value.split('/').includes('..') ? [{ pointer: '', detail: 'must not contain ".." steps' }] : [];
};

/** RFC 3339 date or date-time that really exists. */
export const checkDate: FieldCheck = (value) => {
  const match = typeof value === 'string' ? /^(\d{4})-(\d\d)-(\d\d)(?:T\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d))?$/.exec(value) : null;
  if (!match || Number.isNaN(Date.parse(match[0]))) return [{ pointer: '', detail: 'must be an RFC 3339 date or date-time' }];
  const day = new Date(`${match[1]}-${match[2]}-${match[3]}T00:00:00Z`);
  return day.getUTCDate() === Number(match[3]) ? [] : [{ pointer: '', detail: 'must be a day that exists' }];
};

/** http(s), and nothing in it that only looks as if it were used. */
export const checkWebhookUrl: FieldCheck = (value) => {
  const problem = (detail: string): FieldProblem[] => [{ pointer: '', detail }];
  if (typeof value !== 'string' || value.length > WEBHOOK_URL_CHARS_MAX) return problem(`must be a URL of at most ${WEBHOOK_URL_CHARS_MAX} characters`);
  // URL() would quietly take out or encode what a person cannot have meant: spaces, tabs, line breaks.
  if (!/^https?:\/\/[\x21-\x7e]+$/i.test(value) || !URL.canParse(value)) return problem('must be an absolute http or https URL, other characters percent-encoded');
  const { username, password, hash } = new URL(value);
  // Neither the URL nor a part of it is repeated: it may hold the password.
  if (username !== '' || password !== '') {
    return problem('must not contain a user or password. Who sends is told by the signature: check it with the secret of GET /api/webhooks/{id}/secret. For a proxy that asks for a password, use an unguessable path instead.');
  }
  return hash === '' ? [] : problem('must not have a #fragment: it would not be sent');
};

export const checkNotificationTypes: FieldCheck = (value) => {
  if (!Array.isArray(value) || value.length === 0) return [{ pointer: '', detail: 'must be a list of at least one notification type; `notify:*` is all of them' }];
  if (new Set(value).size < value.length) return [{ pointer: '', detail: 'must not name a type twice' }];
  const known: ReadonlySet<unknown> = new Set(WEBHOOK_TYPES);
  return value.flatMap((type, index) => (known.has(type) ? [] : [{ pointer: pointerTo(index), detail: `must be one of ${WEBHOOK_TYPES.join(', ')}` }]));
};
