/**
 * JSON values as a TOML document: tables for objects, inline tables inside of lists. TOML has no null:
 * what is null or undefined is left out.
 *
 * @see https://toml.io/en/v1.0.0
 */
export function tomlOf(table: Record<string, unknown>): string {
  return linesOf(table, []).join('\n') + '\n';
}

function linesOf(table: Record<string, unknown>, path: string[]): string[] {
  const entries = Object.entries(table).filter(([, value]) => value !== null && value !== undefined);
  const plain = entries.filter(([, value]) => !isTable(value)).map(([key, value]) => `${keyOf(key)} = ${valueOf(value)}`);
  // A table that holds only tables needs no header of its own, an empty one does.
  const header = path.length && (plain.length || !entries.length) ? [`[${path.map(keyOf).join('.')}]`] : [];
  const tables = entries.flatMap(([key, value]) => (isTable(value) ? linesOf(value, [...path, key]) : []));
  return [...header, ...plain, ...tables];
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function keyOf(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : valueOf(key);
}

function valueOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.filter((item) => item !== null && item !== undefined).map(valueOf).join(', ')}]`;
  if (isTable(value)) {
    return `{ ${Object.entries(value).filter(([, item]) => item !== null && item !== undefined).map(([key, item]) => `${keyOf(key)} = ${valueOf(item)}`).join(', ')} }`;
  }
  // A JSON string is a basic string of TOML, but for DEL, which TOML wants escaped.
  return JSON.stringify(value).replaceAll('\u007F', '\\u007F');
}
