const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** As the parts of a ULID are written: sorts as the numbers do. Only the lowest `digits` digits. */
export function base32(value: number, digits: number): string {
  let text = '';
  for (let rest = value; text.length < digits; rest = Math.floor(rest / 32)) text = CROCKFORD[rest % 32] + text;
  return text;
}
