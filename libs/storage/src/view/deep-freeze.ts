/** Freezes JSON all the way down; what is frozen already (shared with the version before) is not walked again. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  // Not `Object.values`: that makes an array of each, and a start freezes tens of thousands of documents.
  for (const key in value) {
    const inner = value[key];
    if (typeof inner === 'object') deepFreeze(inner);
  }
  return value;
}
