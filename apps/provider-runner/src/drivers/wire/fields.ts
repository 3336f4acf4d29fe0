import { FRAME_DEPTH_MAX, SHORT_TEXT_MAX } from './wire.limits.js';

/** What came from an agent, not trusted to have any shape. */
export type Fields = Record<string, unknown>;

export function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** A count of an agent: finite and not negative, else 0. */
export function count(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0;
}

/** A title, an id or another short text: '' for anything else, cut with an ellipsis at `SHORT_TEXT_MAX`. */
export function short(value: unknown): string {
  const given = text(value) ?? '';
  return given.length > SHORT_TEXT_MAX ? `${given.slice(0, SHORT_TEXT_MAX - 1).replace(/[\uD800-\uDBFF]$/, '')}…` : given;
}

/** JSON of an agent, no deeper than `FRAME_DEPTH_MAX`: below that, `…` stands in its place. @throws SyntaxError */
export function parseFrame(line: string): unknown {
  const value: unknown = JSON.parse(line);
  return mayBeDeep(line) ? pruned(value, FRAME_DEPTH_MAX) : value;
}

/** Has enough brackets for it: nearly no frame has, and only those are walked over. */
function mayBeDeep(line: string): boolean {
  let opened = 0;
  for (let at = 0; at < line.length; at += 1) {
    const sign = line.charCodeAt(at);
    if ((sign === 0x5b || sign === 0x7b) && (opened += 1) > FRAME_DEPTH_MAX) return true;
  }
  return false;
}

function pruned(value: unknown, levels: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (levels === 0) return '…';
  if (Array.isArray(value)) return value.map((item) => pruned(item, levels - 1));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, pruned(item, levels - 1)]));
}
