import type { AppError } from '@orbitmesh/domain';
import { pointerTo } from './checks.js';
import type { FieldProblem } from './field.js';
import { JSON_DEPTH_MAX } from './limits.js';
import { validationError } from './validate.js';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The JSON of a request body, stricter than `JSON.parse` (RFC 8259 leaves these open, I-JSON, RFC 7493, does not):
 * UTF-8 only, no key twice in one object, no lone surrogate, and no NUL, which no text of ours can hold.
 * @throws VALIDATION_FAILED
 */
export function parseJsonBody(bytes: Uint8Array): unknown {
  let text: string;
  let value: unknown;
  try {
    text = utf8.decode(bytes);
    value = JSON.parse(text);
  } catch {
    throw problem('is not valid JSON in UTF-8');
  }
  scan(text);
  // In valid UTF-8 a lone surrogate or a NUL can only come from an escape, and infinity only from a number that long.
  if (/\\u|\d[eE]|\d{300}/.test(text)) {
    const problems: FieldProblem[] = [];
    checkScalars(value, '', problems);
    if (problems.length > 0) throw validationError(problems, 'body');
  }
  return value;
}

function problem(detail: string, pointer = ''): AppError {
  return validationError([{ pointer, detail }], 'body');
}

/** Walks JSON that is known to be well-formed: keys of every open object, and the depth. */
function scan(text: string): void {
  const open: (Set<string> | null)[] = [];
  let isKey = false;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === 0x22) {
      const end = endOfString(text, at);
      const keys = open.at(-1);
      if (isKey && keys) {
        const key = keyOf(text.slice(at, end + 1));
        if (keys.has(key)) throw problem(`the key ${JSON.stringify(key.slice(0, 100))} is there twice`);
        if (key === '__proto__') throw problem('is not a known field', '/__proto__');
        keys.add(key);
        isKey = false;
      }
      at = end;
    } else if (char === 0x7b || char === 0x5b) {
      open.push(char === 0x7b ? new Set() : null);
      isKey = char === 0x7b;
      if (open.length > JSON_DEPTH_MAX) throw problem(`must be at most ${JSON_DEPTH_MAX} levels deep`);
    } else if (char === 0x7d || char === 0x5d) {
      open.pop();
      isKey = false;
    } else if (char === 0x2c) {
      isKey = open.at(-1) !== null && open.length > 0;
    }
  }
}

/** Most have nothing that is written otherwise. */
function keyOf(quoted: string): string {
  return quoted.includes('\\') ? JSON.parse(quoted) as string : quoted.slice(1, -1);
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text.charCodeAt(at) !== 0x22) at += text.charCodeAt(at) === 0x5c ? 2 : 1;
  return at;
}

function checkScalars(value: unknown, pointer: string, problems: FieldProblem[]): void {
  if (typeof value === 'string') {
    const detail = stringProblem(value);
    if (detail) problems.push({ pointer, detail });
  } else if (typeof value === 'number') {
    if (!Number.isFinite(value)) problems.push({ pointer, detail: 'must be a finite number' });
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, child] of Object.entries(value)) {
      if (stringProblem(key)) problems.push({ pointer, detail: `has a key that ${stringProblem(key)}` });
      else checkScalars(child, pointer + pointerTo(key), problems);
    }
  }
}

/** Why no text of ours may be this string; null when it may. */
export function stringProblem(text: string): string | null {
  if (text.includes('\0')) return 'must not contain NUL';
  return /[\uD800-\uDFFF]/u.test(text) ? 'must be well-formed Unicode (no lone surrogate)' : null;
}
