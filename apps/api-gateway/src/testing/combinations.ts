import { Agent, request } from 'node:http';

/** One way to do one part of a request, and whether it may be let in with it. */
export interface Way<T> { what: string; value: T; ok: boolean }
/** `open`: anybody may. */
export interface Target { what: string; path: string; method: string; open: boolean }
export interface Combination { target: Target; host: Way<string>; origin: Way<string | undefined>; credential: Way<Record<string, string>> }
export interface Came { status: number; headers: NodeJS.Dict<string | string[]>; upgraded: boolean }

const way = <T>(ok: boolean) => ([what, value]: [string, T]): Way<T> => ({ what, value, ok });

export function hosts(port: number): Way<string>[] {
  const good: [string, string][] = [['by address', `127.0.0.1:${port}`], ['by name', `localhost:${port}`], ['by IPv6', `[::1]:${port}`], ['allowed', 'mesh.example'], ['in capitals', `LOCALHOST:${port}`]];
  const bad: [string, string][] = [
    ['foreign', `evil.example:${port}`], ['without its port', '127.0.0.1'], ['of another port', `127.0.0.1:${port + 1}`], ['that begins like ours', `127.0.0.1.evil.example:${port}`],
    ['that ends like an allowed one', 'notmesh.example'], ['below an allowed one', 'a.mesh.example'], ['with a user', `127.0.0.1:${port}@evil.example`], ['any address', `0.0.0.0:${port}`],
    ['with a trailing dot', `localhost.:${port}`], ['in decimal', `2130706433:${port}`], ['shortened', `127.1:${port}`], ['two in one', `127.0.0.1:${port}, evil.example`], ['a rebound name', `rebind.evil.example:${port}`],
  ];
  return [...good.map(way(true)), ...bad.map(way(false))];
}

export function origins(port: number): Way<string | undefined>[] {
  const good: [string, string | undefined][] = [['none', undefined], ['our own', `http://127.0.0.1:${port}`], ['our own by name', `http://localhost:${port}`], ['an allowed one', 'https://ui.example']];
  const bad: [string, string][] = [
    ['foreign', 'https://evil.example'], ['null', 'null'], ['ours in TLS', `https://127.0.0.1:${port}`], ['of another port', `http://127.0.0.1:${port + 1}`], ['that begins like ours', `http://127.0.0.1:${port}.evil.example`],
    ['that begins like an allowed one', 'https://ui.example.evil.example'], ['that ends like an allowed one', 'https://evilui.example'], ['an allowed one without TLS', 'http://ui.example'], ['an allowed one with a path', 'https://ui.example/'],
    ['an allowed one in capitals', 'https://UI.EXAMPLE'], ['empty', ''], ['an extension', 'chrome-extension://abcdefghijklmnop'], ['a file', 'file://'], ['two', `http://127.0.0.1:${port} https://evil.example`], ['an allowed host', 'http://mesh.example'],
  ];
  return [...good.map(way(true)), ...bad.map(way(false))];
}

export function credentials(tokens: { admin: string; user: string; agent: string; expired: string }): Way<Record<string, string>>[] {
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const good: [string, Record<string, string>][] = [['the admin', bearer(tokens.admin)], ['a user', bearer(tokens.user)], ['an agent', bearer(tokens.agent)]];
  const bad: [string, Record<string, string>][] = [
    ['nobody', {}], ['a guess', bearer(`omd_${'a'.repeat(43)}`)], ['a token cut short', bearer(tokens.admin.slice(0, -1))], ['a token and more', bearer(`${tokens.admin}a`)], ['a token in capitals', bearer(tokens.admin.toUpperCase())],
    ['an expired user', bearer(tokens.expired)], ['an agent that was', bearer('oma_sess_9_1_mac')], ['a token as a password', { authorization: `Basic ${Buffer.from(`admin:${tokens.admin}`).toString('base64')}` }],
    ['a token without its scheme', { authorization: tokens.admin }], ['a token in a cookie', { cookie: `token=${tokens.admin}; authorization=Bearer ${tokens.admin}` }], ['a token by another name', { 'x-api-key': tokens.admin, 'proxy-authorization': `Bearer ${tokens.admin}` }],
    ['a proxy that says it is local', { 'x-forwarded-for': '127.0.0.1', 'x-real-ip': '127.0.0.1', forwarded: 'for=127.0.0.1', 'x-forwarded-host': 'localhost' }], ['a proxy that says it asked for health', { 'x-original-url': '/health/live', 'x-rewrite-url': '/health/live' }],
    ['another method by header', { 'x-http-method-override': 'OPTIONS', 'x-method-override': 'HEAD' }], ['a path for a token', bearer('../admin.token')], ['an empty token', { authorization: 'Bearer ' }],
  ];
  return [...good.map(way(true)), ...bad.map(way(false))];
}

/** The same target in other letters, as a router may or may not read it. */
export function spellings(path: string): [string, string][] {
  const [, first, ...rest] = path.split('/');
  const tail = rest.length > 0 ? `/${rest.join('/')}` : '';
  const escaped = (text: string) => `%${text.charCodeAt(0).toString(16)}${text.slice(1)}`;
  return [
    ['as it is', path], ['with an escape', `/${escaped(first)}${tail}`], ['escaped twice', `/%25${escaped(first).slice(1)}${tail}`], ['with an escape in capitals', `/${escaped(first).replace(/%../, (hex) => hex.toUpperCase())}${tail}`],
    ['with two slashes', `/${path}`], ['with two slashes inside', `/${first}/${tail}`], ['with an escaped slash', `/${first}%2f${rest.join('/')}`], ['with a backslash', `/${first}\\${rest.join('\\')}`], ['in capitals', path.toUpperCase()],
    ['with a trailing slash', `${path}/`], ['with a trailing dot', `${path}.`], ['with a dot segment', `/.${path}`], ['out and back in', `/health/live/../..${path}`], ['out and back in, escaped', `/health/live/%2e%2e/%2e%2e${path}`], ['beside health', `/health/live;${path}`],
    ['with a parameter of a segment', `${path};a=b`], ['with a NUL', `${path}%00`], ['with a NUL and health', `${path}%00/health/live`], ['with a query', `${path}?/health/live`], ['with a fragment', `${path}#/health/live`], ['with overlong UTF-8', `/%c1%a1${path.slice(2)}`],
    ['with full-width letters', `/%ef%bd%81${path.slice(2)}`], ['with a tab', `${path}%09`], ['with a suffix', `${path}.json`],
  ];
}

const WEBSOCKET = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-version': '13' };

/** Sends combinations as they are; answers are read to their end. */
export class Sender {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 8 });

  constructor(private readonly port: number) {}

  send({ target: { method, path }, host, origin, credential }: Combination, upgrade = false): Promise<Came> {
    const headers = { host: host.value, ...(origin.value !== undefined && { origin: origin.value }), ...credential.value, ...(upgrade && WEBSOCKET) };
    return new Promise((resolve, reject) => {
      const outgoing = request({ host: '127.0.0.1', port: this.port, method, path, headers, ...(upgrade ? { agent: false } : { agent: this.agent }) }, (answer) => {
        // The feed has no end.
        if (answer.headers['content-type'] === 'text/event-stream') answer.destroy();
        answer.resume().on('close', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, upgraded: false }));
      });
      outgoing.on('upgrade', (answer, socket) => {
        socket.destroy();
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, upgraded: true });
      });
      outgoing.on('error', reject);
      outgoing.end();
    });
  }

  stop(): void {
    this.agent.destroy();
  }
}

/** May an answer to it be a success? */
export function mayPass({ target, host, origin, credential }: Combination): boolean {
  return host.ok && origin.ok && (target.open || credential.ok);
}

export function nameOf({ target, host, origin, credential }: Combination): string {
  return `${target.method} ${target.path.slice(0, 80)} (${target.what}), Host ${host.what}, Origin ${origin.what}, as ${credential.what}`;
}
