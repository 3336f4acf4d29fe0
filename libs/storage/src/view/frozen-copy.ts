import { deepFreeze } from './deep-freeze.js';

/**
 * JSON as the store keeps it: frozen all the way down, in objects that share their shape. V8 gives an object that was written as
 * `{ ...before, title }` a shape of its own when it is frozen: a kilobyte beside a task, and four times as long to make as this copy.
 * What is frozen already, as what the version before had too, is kept as it is.
 * @param copies of one commit: what a document and its event share is one object again
 */
export function frozenCopy<T>(value: T, copies: Map<object, object>): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  const known = copies.get(value);
  if (known !== undefined) return known as T;
  if (!isPlain(value)) return deepFreeze(value);
  const copy = copyOf(value);
  for (const key in copy) {
    const inner = copy[key];
    if (typeof inner === 'object') copy[key] = frozenCopy(inner, copies);
  }
  copies.set(value, copy);
  return Object.freeze(copy) as T;
}

/** What says itself how it is written as JSON is kept as it is. */
function isPlain(value: object): boolean {
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** An agent's JSON may have a key `__proto__`, which `assign` would take for the prototype. */
function copyOf(value: object): Record<string, unknown> {
  const copy: object = Array.isArray(value) ? [...value as unknown[]] : Object.hasOwn(value, '__proto__') ? { ...value } : Object.assign({}, value);
  return copy as Record<string, unknown>;
}
