import { SHORT_TEXT_MAX } from './wire.limits.js';

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
