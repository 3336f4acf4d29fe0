/** How many bytes at the end begin a code point that is not there whole (0 to 3). */
export function unfinishedTail(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back];
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 && byte <= 0xf4 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1;
    return byte < 0xf5 && length > back ? back : 0;
  }
  return 0;
}

/** The longest beginning of at most `bytesMax` bytes of UTF-8 that splits no character. */
export function headOf(text: string, bytesMax: number): string {
  if (Buffer.byteLength(text) <= bytesMax) return text;
  const head = Buffer.from(text).subarray(0, bytesMax);
  return head.subarray(0, head.length - unfinishedTail(head)).toString();
}

/** The same text in pieces of at most `bytesMax` bytes, no character split. */
export function piecesOf(text: string, bytesMax: number): string[] {
  if (text.length * 3 <= bytesMax || Buffer.byteLength(text) <= bytesMax) return [text];
  const bytes = Buffer.from(text);
  const pieces: string[] = [];
  for (let start = 0; start < bytes.length; ) {
    const piece = bytes.subarray(start, start + bytesMax);
    const length = start + bytesMax < bytes.length ? piece.length - unfinishedTail(piece) : piece.length;
    pieces.push(piece.subarray(0, length).toString());
    start += length;
  }
  return pieces;
}
