import type { Operation } from '../bad-input/operation.js';
import { sampleOf } from '../bad-input/schema-faults.js';
import type { Chance } from '../seed.js';
import { hostileBytes, hostileJson, hostileText } from './hostile-text.js';

/** Bytes to be sent as they are. */
export interface HostileRequest {
  /** `METHOD /path/{id}`: what it was made of. */
  of: string;
  bytes: Buffer;
  /** An answer is due: all of it that was announced is there, and it waits for nothing. */
  whole: boolean;
}

export interface HostileOptions {
  token: string;
  host: string;
  mark: string;
  /** What is really there, by the name of a parameter or field: hostile requests are the more so for what is right in them. */
  ids?: Readonly<Record<string, string>>;
  /** Operations whose body is never left as it should be, for what they would start. */
  never?: readonly string[];
}

const EVIL_METHODS = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'LINK', 'get', 'SUBSCRIBE', 'M-SEARCH', 'PURGE', 'CONNECT', 'QUERY'];

/** A request as somebody would send it who wants the service to fall over, write where it should not, or believe what it should not. */
export function hostileRequest(chance: Chance, operations: readonly Operation[], options: HostileOptions): HostileRequest {
  const operation = chance.pick(operations);
  const of = `${operation.method} ${operation.path}`;
  const method = chance.oneIn(25) ? chance.pick(EVIL_METHODS) : operation.method;
  const target = encoded(chance, pathOf(chance, operation, options) + queryOf(chance, operation, options));
  const body = bodyOf(chance, operation, options);
  const headers = headersOf(chance, options, body);
  const bytes = Buffer.concat([Buffer.from(`${method} ${target} HTTP/1.1\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`, 'latin1'), body ?? Buffer.alloc(0)]);
  const isWaiting = operation.path.includes('/wait/') || operation.path.endsWith('/stream');
  return chance.oneIn(20) ? { of, bytes: torn(chance, bytes), whole: false } : { of, bytes, whole: !isWaiting && method !== 'CONNECT' };
}

function pathOf(chance: Chance, { path }: Operation, { ids = {}, mark }: HostileOptions): string {
  if (chance.oneIn(30)) return `/${hostileText(chance, mark)}`;
  const filled = path.replace(/\{(\w+)\}/g, (_all, name: string) => (chance.oneIn(2) ? escaped(chance, hostileText(chance, mark)) : ids[name] ?? 'id_1'));
  return chance.oneIn(20) ? filled + chance.pick(['/', '/..', '/%2e%2e', '//', ';a=b', '%00', '.json', '/__proto__', `/${escaped(chance, hostileText(chance, mark))}`]) : filled;
}

function queryOf(chance: Chance, { inQuery }: Operation, { mark }: HostileOptions): string {
  if (chance.oneIn(2)) return '';
  const names = [...inQuery.map(({ name }) => name), '__proto__[admin]', 'constructor[prototype][admin]', '__proto__', 'a[]', 'limit', 'cursor', ''];
  const pairs = Array.from({ length: chance.between(1, 5) }, () => `${chance.pick(names)}=${escaped(chance, hostileText(chance, mark))}`);
  return `?${(chance.oneIn(40) ? Array.from({ length: 300 }, (_, n) => `k${n}=${n}`) : pairs).join('&')}`;
}

function bodyOf(chance: Chance, { method, path, body }: Operation, { mark, ids = {}, never = [] }: HostileOptions): Buffer | null {
  if (method === 'GET' ? !chance.oneIn(15) : chance.oneIn(15)) return null;
  if (chance.oneIn(15)) return hostileBytes(chance);
  const sample = body ? sampleOf(body.schema) : null;
  if (!isObject(sample) || chance.oneIn(4)) return Buffer.from(hostileJson(chance, mark));
  const names = [...Object.keys(body!.schema.properties ?? {}), '__proto__', 'constructor', 'id', 'revision'];
  const spoilt = new Set([...(never.includes(`${method} ${path}`) ? [Object.keys(sample)[0]] : []), ...Array.from({ length: chance.between(1, 3) }, () => chance.pick(names))]);
  const kept = Object.entries({ ...sample, ...Object.fromEntries(Object.entries(ids).filter(([name]) => name in sample)) }).filter(([name]) => !spoilt.has(name));
  return Buffer.from(`{${[...kept.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`), ...[...spoilt].map((name) => `${JSON.stringify(name)}:${hostileJson(chance, mark, 1)}`)].join(',')}}`);
}

function headersOf(chance: Chance, { host, token, mark }: HostileOptions, body: Buffer | null): [string, string][] {
  const text = () => (chance.oneIn(12) ? hostileText(chance, mark) : [...hostileText(chance, mark)].map((one) => (one < ' ' || one === '\x7f' ? ' ' : one)).join(''));
  const headers: [string, string][] = [
    ['Host', chance.oneIn(40) ? text() : host], ['Authorization', chance.oneIn(25) ? `Bearer ${text()}` : `Bearer ${token}`], ['Connection', 'close'],
    ...(body === null ? [] : [['Content-Type', chance.oneIn(15) ? text() : 'application/json'], lengthOf(chance, body)] as [string, string][]),
  ];
  const more = ['Idempotency-Key', 'If-Match', 'If-None-Match', 'Traceparent', 'Last-Event-ID', 'Cookie', 'X-Forwarded-For', 'Accept', 'Range', 'Expect', 'Origin', 'Referer', 'User-Agent', 'Content-Encoding', 'Accept-Encoding', 'Upgrade', '__proto__', 'constructor', 'Forwarded', 'TE'];
  if (chance.oneIn(3)) headers.push([chance.pick(more), text()]);
  if (chance.oneIn(60)) headers.push(...Array.from({ length: chance.pick([100, 2_100]) }, (_, n): [string, string] => [`X-${n}`, '']));
  return chance.oneIn(60) ? [...headers, ['X-Long', 'x'.repeat(20_000)]] : headers;
}

const lengthOf = (chance: Chance, body: Buffer): [string, string] => ['Content-Length', chance.oneIn(60) ? chance.pick(['-1', '1e3', '0x10', '00', '99999999999999999999', 'a', '1, 1', '']) : String(body.length)];

/** What can stand in a target: mostly as it should be escaped, sometimes as it is. */
function escaped(chance: Chance, text: string): string {
  if (chance.oneIn(5)) return text;
  return [...Buffer.from(text)].map((byte) => (/[A-Za-z0-9_-]/.test(String.fromCharCode(byte)) && !chance.oneIn(9) ? String.fromCharCode(byte) : `%${byte.toString(16).padStart(2, '0')}`)).join('');
}

/** A target that would end its line is another request; that is tried on purpose, now and then. */
function encoded(chance: Chance, target: string): string {
  const bytes = Buffer.from(target).toString('latin1');
  return chance.oneIn(40) ? bytes : bytes.replace(/[\0-\x20\x7f]/g, (one) => `%${one.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** Cut off, or with a byte that is another. */
function torn(chance: Chance, bytes: Buffer): Buffer {
  if (chance.oneIn(2)) return bytes.subarray(0, chance.between(0, bytes.length));
  const changed = Buffer.from(bytes);
  for (let n = chance.between(1, 4); n > 0; n -= 1) changed[chance.between(0, changed.length - 1)] = chance.between(0, 255);
  return changed;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
