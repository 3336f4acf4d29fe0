import type { Chance } from '../seed.js';

/**
 * Texts that have been the end of some program: paths, commands, patterns, names of what every object has, what no text should hold.
 * @param mark stands in each that would make a file or run a command, so that one can look for it
 */
export function hostileText(chance: Chance, mark: string): string {
  const one = chance.pick(SHAPES)(mark, chance);
  if (chance.oneIn(6)) return one + chance.pick(SHAPES)(mark, chance);
  if (chance.oneIn(10)) return one.slice(0, chance.between(0, one.length));
  return chance.oneIn(10) ? one.replaceAll('/', chance.pick(['\\', '//', '/./', '%2f', '%252f', '\u2215'])) : one;
}

const ups = (chance: Chance, step: string): string => step.repeat(chance.between(1, 12));
type Shape = (mark: string, chance: Chance) => string;
const fixed = (...texts: string[]): Shape[] => texts.map((text) => () => text);

const SHAPES: readonly Shape[] = [
  (mark, chance) => `${ups(chance, '../')}tmp/${mark}`, (mark, chance) => `${ups(chance, '..\\')}${mark}`, (mark, chance) => `${ups(chance, '%2e%2e%2f')}${mark}`, (mark, chance) => `${ups(chance, '....//')}${mark}`,
  (mark) => `/tmp/${mark}`, (mark) => `FILE:///tmp/${mark}`, (mark) => `~/${mark}`, (mark) => `C:\\${mark}`, (mark) => `\\\\?\\${mark}`, (mark) => `/proc/self/cwd/${mark}`, (mark) => `${mark}\0.json`, (mark) => `./${mark}`, (mark) => `/dev/shm/${mark}`,
  (mark) => `; touch /tmp/${mark} #`, (mark) => `$(touch /tmp/${mark})`, (mark) => `\`touch /tmp/${mark}\``, (mark) => `| tee /tmp/${mark}`, (mark) => `&& touch /tmp/${mark}`, (mark) => `' ; touch /tmp/${mark} ; '`, (mark) => `\ntouch /tmp/${mark}\n`,
  (mark) => `--upload-pack=touch /tmp/${mark}`, (mark) => `-oProxyCommand=touch /tmp/${mark}`, (mark) => `--output=/tmp/${mark}`, (mark) => `ext::sh -c touch% /tmp/${mark}`,
  (mark) => `\${process.binding('spawn_sync').spawn({file:'touch',args:['touch','/tmp/${mark}']})}`, (mark) => `require('fs').writeFileSync('/tmp/${mark}','')`,
  ...fixed(
    '__proto__', 'constructor', 'prototype', '__proto__.admin', 'constructor.prototype', 'toString', 'valueOf', 'hasOwnProperty', '__defineGetter__', 'then', 'toJSON', 'length', '$where', '$gt',
    '', ' ', '.', '..', '/', '//', '*', '>', '?', '%', '%00', '%zz', '%ff', '\0', '\r\n', '\t', '\u001b[2J\u001b[31m', '\u202Eevil', '\uFEFF', '\uFFFD', '\u0000\u0001\u0002', 'a\u0300'.repeat(30), '\uD83D\uDE00', '\uFF0E\uFF0E\uFF0F', '\u2028', 'İ', 'ß',
    'om.v1.>', 'om.v1.*.session.*', '_INBOX.>', '$SYS.>', '$JS.API.>', 'a.b', 'id_1', 'sess_1', 'proj_1', '0', '-1', '1e9', '1e400', 'NaN', 'Infinity', '0x10', '9007199254740993', 'null', 'undefined', 'true', '[]', '{}', '[object Object]',
    "' OR 1=1 --", '<script>alert(1)</script>', '{{7*7}}', '${7*7}', '#{7*7}', '%s%n%x', '(a+)+$', '^(([a-z])+.)+$', '!!js/function', '<!DOCTYPE x SYSTEM "FILE:///etc/passwd">', 'javascript:alert(1)', 'http://169.254.169.254/', 'http://127.0.0.1:4222/', 'env:PATH', 'file:/etc/passwd',
    'a\r\nX-Injected: 1', 'a\nX-Injected: 1', 'notify:*', 'session:*:*', '1,2,3', ',', ';', '"', '\\', '\\u0000', '\\ud800', '-'.repeat(200), '2026-02-30T25:61:61Z', '9999999999999-12-31', 'PT1000000000S',
  ),
  (_mark, chance) => 'x'.repeat(chance.pick([63, 64, 65, 255, 256, 1_000, 1_025, 5_000])),
  (_mark, chance) => String.fromCharCode(...Array.from({ length: chance.between(1, 40) }, () => chance.between(0, 0xffff))),
  (_mark, chance) => String.fromCharCode(...Array.from({ length: chance.between(1, 60) }, () => chance.between(1, 126))),
];

/** As JSON, mostly well-formed, and not always what `JSON.stringify` could have written. */
export function hostileJson(chance: Chance, mark: string, depth = 0): string {
  if (depth > 5 || chance.oneIn(2)) return leaf(chance, mark);
  const parts = Array.from({ length: chance.between(0, 4) }, () => hostileJson(chance, mark, depth + 1));
  if (chance.oneIn(3)) return `[${parts.join(',')}]`;
  const key = (): string => (chance.oneIn(4) ? chance.pick(KEYS) : quoted(chance, hostileText(chance, mark)));
  return `{${parts.map((part) => `${key()}:${part}`).join(',')}}`;
}

const KEYS = ['"__proto__"', '"\\u005f\\u005fproto__"', '"constructor"', '"prototype"', '"id"', '"id"', '"type"', '"toString"', '"\\u0000"', '"revision"', '"meta"', '"reader"', '"actor"', '"hasOwnProperty"'];

function leaf(chance: Chance, mark: string): string {
  if (!chance.oneIn(3)) return quoted(chance, hostileText(chance, mark));
  return chance.pick([
    'null', 'true', 'false', '0', '-0', '1e400', '-1e400', '1.5', '9007199254740993', '-1', '99999999999999999999999999', '1E-400', '"\\ud800"', '"\\u0000"', '"\\/"', '[]', '{}', '[[]]', `${'['.repeat(chance.between(20, 400))}`,
    `${'['.repeat(40)}${']'.repeat(40)}`, `{"a":${'{"a":'.repeat(60)}1${'}'.repeat(60)}}`, '{"__proto__":{"admin":true}}', '{"constructor":{"prototype":{"admin":true}}}', '{"a":1,"a":2}', '{"toString":null,"valueOf":null}', 'NaN', "'a'", '01', '+1', '.5', '{,}', '/**/1', '{"a":}', '\uFEFF1',
  ]);
}

function quoted(chance: Chance, text: string): string {
  const plain = JSON.stringify(text);
  // Every character by its number is the same text to a parser, and another to whoever searches the bytes.
  return chance.oneIn(8) ? `"${[...text].map((one) => one.length === 1 ? `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}` : one).join('')}"` : plain;
}

export function hostileBytes(chance: Chance, length = chance.between(0, 300)): Buffer {
  return Buffer.from(Array.from({ length }, () => chance.between(0, 255)));
}
