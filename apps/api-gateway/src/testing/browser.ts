import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpServer, type Server } from 'node:http';
import { connect, createServer, type AddressInfo, type Server as NetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@orbitmesh/testing';
import { ATTEMPTS } from './page-attempts.js';

const REBOUND = '127.0.0.2';

/** What a page tried, and what came of each: `blocked`, or what it got to see. */
export type Report = Record<string, string>;
/** Where a page finds the gateway, and what it has: more than any page elsewhere should ever come by. */
export interface PageOptions { api: string; token: string; ticket: string }

/** A real browser, pages of any origin, and what they say came of what they tried. */
export class Browser {
  private readonly reports = new Map<string, Report>();
  private readonly running: ChildProcess[] = [];
  private readonly dirs: string[] = [];
  private relay: NetServer | undefined;
  options: PageOptions = { api: '', token: '', ticket: '' };

  private constructor(private readonly pages: Server, readonly port: number) {}

  static async start(): Promise<Browser> {
    const pages = createHttpServer();
    await new Promise<void>((resolve) => { pages.listen(0, '127.0.0.1', resolve); });
    const browser = new Browser(pages, (pages.address() as AddressInfo).port);
    browser.servePages();
    return browser;
  }

  /** What became of a page at this address. */
  async visit(url: string): Promise<Report> {
    // Plain JavaScript outside of every project: imported by its place in the checkout.
    const { ensureBrowser } = await import(new URL('../../../../tools/browser.mjs', import.meta.url).href) as { ensureBrowser: () => Promise<string> };
    const dir = await mkdtemp(join(tmpdir(), 'om-browser-'));
    this.dirs.push(dir);
    this.reports.clear();
    const rules = `MAP rebind.evil.example ${REBOUND}, MAP *.example 127.0.0.1`;
    this.running.push(spawn(await ensureBrowser(), [
      `--user-data-dir=${dir}`, `--host-resolver-rules=${rules}`, '--remote-debugging-port=0', '--no-first-run', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking',
      // Its sandbox wants another user than root.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), url,
    ], { detached: true, stdio: 'ignore' }));
    return eventually(() => this.reports.get(new URL(url).hostname), { what: `the report of ${url}`, timeoutMs: 60_000 });
  }

  /** `rebind.evil.example` at the gateway's own port: once it has given its page it is the gateway, as after another answer of its DNS. */
  async rebind(port: number): Promise<string> {
    let isRebound = false;
    this.pages.on('request', (_request, answer) => answer.once('finish', () => { isRebound = true; }));
    this.relay = createServer((socket) => {
      socket.on('error', () => undefined);
      if (!isRebound) {
        this.pages.emit('connection', socket);
        return;
      }
      const gateway = connect(port, '127.0.0.1');
      gateway.on('error', () => socket.destroy());
      socket.pipe(gateway).pipe(socket);
    });
    await new Promise<void>((resolve) => { this.relay?.listen(port, REBOUND, resolve); });
    return `http://rebind.evil.example:${port}/`;
  }

  async stop(): Promise<void> {
    for (const { pid } of this.running) if (pid) process.kill(-pid, 'SIGKILL');
    await Promise.all(this.running.map((one) => (one.exitCode !== null || one.signalCode !== null ? null : new Promise((resolve) => { one.once('exit', resolve); }))));
    this.relay?.close();
    this.pages.close();
    this.pages.closeAllConnections();
    for (const dir of this.dirs) await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  }

  private servePages(): void {
    this.pages.on('request', (request, answer) => {
      if (request.method !== 'POST') {
        answer.writeHead(200, { 'content-type': 'text/html', connection: 'close' }).end(request.url === '/' ? this.page() : '');
        return;
      }
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
        const { of, report } = JSON.parse(Buffer.concat(chunks).toString()) as { of: string; report: Report };
        this.reports.set(of, report);
        answer.end();
      });
    });
  }

  private page(): string {
    return `<!doctype html><body><script>(${ATTEMPTS})(${JSON.stringify(this.options)}, 'http://report.example:${this.port}/')</script>`;
  }
}
