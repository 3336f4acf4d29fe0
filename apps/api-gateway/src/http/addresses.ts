import { isIPv4, isIPv6 } from 'node:net';

/** Is it of this machine alone? Takes what one listens on, and where a connection came from. */
export function isLoopback(host: string): boolean {
  const plain = asIPv4(host);
  return plain === 'localhost' || plain === '::1' || (isIPv4(plain) && plain.startsWith('127.'));
}

/** Whom an address stands for: of IPv6 the network, for whoever has one address of it has them all. */
export function networkOf(address: string): string {
  const plain = asIPv4(address);
  if (!isIPv6(plain)) return plain;
  const [head, tail] = plain.split('%', 1)[0].split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - groups.length - after.length;
  return [...groups, ...Array<string>(zeros).fill('0'), ...after].slice(0, 4).join(':');
}

/** Of an IPv4 caller on a socket that takes both. */
function asIPv4(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}
