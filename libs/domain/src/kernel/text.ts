/** Bytes of a value as JSON text in UTF-8. */
export function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value) ?? '');
}

/** Bytes a code point takes inside a JSON string, as JSON.stringify writes it. */
function escapedBytes(codePoint: number): number {
  if (codePoint === 0x22 || codePoint === 0x5c) return 2;
  if (codePoint < 0x20) return codePoint === 0x08 || codePoint === 0x09 || codePoint === 0x0a || codePoint === 0x0c || codePoint === 0x0d ? 2 : 6;
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  if (codePoint >= 0xd800 && codePoint <= 0xdfff) return 6; // a lone surrogate is written as \udXXX
  return codePoint < 0x10000 ? 3 : 4;
}

/**
 * The longest beginning of `text` whose JSON text (without quotes) has at most `bytesMax` bytes. Never
 * cuts inside a character.
 */
export function cutText(text: string, bytesMax: number): string {
  if (text.length * 6 <= bytesMax) return text;
  let bytes = 0;
  let end = 0;
  for (const character of text) {
    bytes += escapedBytes(character.codePointAt(0)!);
    if (bytes > bytesMax) return text.slice(0, end);
    end += character.length;
  }
  return text;
}

/** Like `cutText`, but a cut text ends with "…", within the same bytes. */
export function abbreviate(text: string, bytesMax: number): string {
  return cutText(text, bytesMax) === text ? text : `${cutText(text, bytesMax - 3)}…`;
}
