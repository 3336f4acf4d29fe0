/** What fits on a line of this many characters stands on one: a schema reads like a table, and a change shows where it is. */
const LINE_CHARS_MAX = 140;

/** @returns {string} JSON text that ends with a line break */
export function printJson(value) {
  return `${print(value, '')}\n`;
}

function print(value, indent, room = LINE_CHARS_MAX - indent.length) {
  const short = spaced(value);
  if (short.length <= room || typeof value !== 'object' || value === null) return short;
  const inner = `${indent}  `;
  const lines = Array.isArray(value)
    ? value.map((item) => print(item, inner))
    : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${print(item, inner, LINE_CHARS_MAX - inner.length - key.length - 4)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return `${open}\n${lines.map((line) => inner + line).join(',\n')}\n${indent}${close}`;
}

function spaced(value) {
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value);
  return entries.length === 0 ? '{}' : `{ ${entries.map(([key, item]) => `${JSON.stringify(key)}: ${spaced(item)}`).join(', ')} }`;
}
