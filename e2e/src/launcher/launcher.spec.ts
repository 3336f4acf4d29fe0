import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { connect } from '@nats-io/transport-node';
import { eventually, processesNaming, startStack, type StackOptions, type TestStack } from '@orbitmesh/testing';
import { journal, StubCheckout } from './stub-checkout.js';

describe('the launcher', () => {
  let checkout: StubCheckout;
  let home: string;

  beforeAll(async () => { checkout = await StubCheckout.make(); });
  afterAll(() => checkout.remove());

  async function launchExpectingEnd(options: StackOptions = {}): Promise<{ code: number | null; output: string }> {
    const stack = await startStack({ home, launcher: checkout.launcher, waitReady: false, ...options });
    await eventually(() => stack.launcher.exitCode !== null, { what: 'the end of the launcher' });
    return { code: stack.launcher.exitCode, output: stack.output };
  }

  describe('of one stack', () => {
    let stack: TestStack;
    beforeAll(async () => {
      home = await checkout.home();
      stack = await startStack({ home, launcher: checkout.launcher });
    });
    afterAll(async () => {
      await stack.stop();
      expect(await processesNaming(stack.home)).toEqual([]);
    });
    beforeEach(() => { ({ home } = stack); });

    it('starts all of them with files for their owner alone, and agents with those of their user', async () => {
      const users = process.umask().toString(8).padStart(3, '0');
      const starts = (await journal(home)).filter((entry) => entry.what === 'start');
      expect(starts.map(({ umask, agentsUmask }) => [umask, agentsUmask])).toEqual(Array.from({ length: 4 }, () => [0o77, users]));
      const { services } = JSON.parse(await readFile(join(home, 'run/stack.json'), 'utf8')) as { services: Record<string, { pid: number }> };
      for (const pid of process.platform === 'linux' ? [stack.launcher.pid, services.nats.pid] : []) expect(await readFile(`/proc/${pid}/status`, 'utf8')).toMatch(/^Umask:\s+0077$/m);
    });

    it('keeps run/ to its owner, and the passwords of NATS, one a service, off every command line and environment', async () => {
      const services = ['api-gateway', 'notifier', 'provider-runner', 'session-service'];
      const passwords = await Promise.all(services.map(async (name) => (await readFile(join(home, 'run', 'nats', name), 'utf8')).trim()));
      expect(new Set(passwords.map((password) => /^[0-9a-f]{48}$/.exec(password)?.[0])).size).toBe(4);
      for (const file of ['stack.json', 'nats.conf', 'nats/passwords.conf', ...services.map((name) => `nats/${name}`), 'logs/notifier.log']) {
        expect((await stat(join(home, 'run', file))).mode & 0o777).toBe(0o600);
      }
      for (const dir of ['run', 'run/nats']) expect((await stat(join(home, dir))).mode & 0o777).toBe(0o700);
      for (const pid of Object.values(await stack.pids())) {
        const told = await Promise.all(['cmdline', 'environ'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8')));
        expect(passwords.filter((password) => told.join().includes(password))).toEqual([]);
      }
      expect(JSON.stringify(await stack.file())).not.toMatch(new RegExp(passwords.join('|')));
      expect(await readFile(`/proc/${(await stack.pids()).nats}/environ`, 'utf8')).toBe(`ORBITMESH_HOME=${home}\0`);
      expect(await readFile(join(home, 'run', 'logs', 'notifier.log'), 'utf8')).toContain('hello from notifier');
    });

    it('runs a NATS that lets in its services alone, each to what is its own', async () => {
      const { natsUrl } = stack;
      const servers = new URL(natsUrl).host;
      await expect(connect({ servers })).rejects.toThrow(/authorization violation/i);
      const runner = await connect({ servers, user: 'provider-runner', pass: (await readFile(join(home, 'run', 'nats', 'provider-runner'), 'utf8')).trim() });
      try {
        const refusal = (subject: string): Promise<string | undefined> => new Promise((told) => { runner.subscribe(subject, { callback: (error) => told(error?.message) }); });
        expect(await refusal('>')).toMatch(/permissions violation/i);
        expect(await refusal('_INBOX.session-service.>')).toMatch(/permissions violation/i);
      } finally {
        await runner.close();
      }
    });

    it('refuses a second launcher on the same home, and says who holds it', async () => {
      const { code, output } = await launchExpectingEnd();
      expect(code).toBe(1);
      expect(output).toContain(`launcher pid ${stack.launcher.pid}, started from ${checkout.root}`);
      expect((await stack.file()).ready).toBe(true);
    });

    it('starts a killed service again, and shows it in stack.json', async () => {
      await stack.killAndWait('session-service');
      expect((await stack.file()).services['session-service']).toMatchObject({ state: 'ready', restarts: 1 });
    });

    // Where there is no /proc nobody can tell.
    (existsSync('/proc/self/stat') ? it : it.skip)('shows a suspended process for what it is, in a file that is there again when somebody removes it', async () => {
      const { notifier } = await stack.pids();
      process.kill(notifier!, 'SIGSTOP');
      await eventually(async () => !(await stack.file()).ready, { what: 'a stack that is not ready' });
      expect((await stack.file()).services['notifier']).toMatchObject({ state: 'frozen', restarts: 0 });
      await rm(join(home, 'run', 'stack.json'));
      await eventually(() => existsSync(join(home, 'run', 'stack.json')), { what: 'the file' });
      process.kill(notifier!, 'SIGCONT');
      await stack.waitReady();
      expect((await stack.file()).services['notifier']).toMatchObject({ state: 'ready', restarts: 0 });
    });

    it('starts a killed NATS again on its old port', async () => {
      const { natsUrl } = stack;
      await stack.killAndWait('nats');
      expect((await stack.file()).natsUrl).toBe(natsUrl);
    });

    it('stops the runner first and NATS last, exits 0, and leaves no process and no stack.json', async () => {
      expect(await stack.interrupt()).toMatchObject({ code: 0 });
      const stops = (await journal(home)).filter((entry) => entry.what === 'stop');
      expect(stops.map((entry) => entry.app)).toEqual(['provider-runner', 'notifier', 'api-gateway', 'session-service']);
      expect(stops.every((entry) => entry.keepAgents === false)).toBe(true);
      expect(await processesNaming(home)).toEqual([]);
      expect(existsSync(join(home, 'run', 'stack.json'))).toBe(false);
    });
  });

  describe('of a stack of its own', () => {
    let stacks: TestStack[];
    beforeEach(async () => {
      home = await checkout.home();
      stacks = [];
    });
    afterEach(async () => {
      for (const stack of stacks.reverse()) await stack.stop();
      expect(await processesNaming(home)).toEqual([]);
    });

    async function launch(options: StackOptions = {}): Promise<TestStack> {
      const stack = await startStack({ home, launcher: checkout.launcher, ...options });
      stacks.push(stack);
      return stack;
    }

    it('keeps the terminal\'s Ctrl-C away from the services, and counts one that arrives twice as one', async () => {
      const stack = await launch();
      process.kill(-stack.launcher.pid!, 'SIGINT');
      expect(await stack.interrupt()).toMatchObject({ code: 0 });
      const entries = await journal(home);
      expect(entries.filter((entry) => entry.what === 'SIGINT')).toEqual([]);
      expect(entries.filter((entry) => entry.what === 'stop')).toHaveLength(4);
    });

    it('forces the end with a second Ctrl-C after more than a second', async () => {
      await writeFile(join(home, 'provider-runner.fault'), 'deaf');
      const stack = await launch();
      stack.launcher.kill('SIGINT');
      const since = performance.now();
      await eventually(() => performance.now() - since > 1_100);
      expect(await stack.interrupt()).toMatchObject({ code: 1 });
      expect(performance.now() - since).toBeLessThan(4_000);
    });

    it('kills a service that does not stop when asked, and does not call that a clean end', async () => {
      await writeFile(join(home, 'notifier.fault'), 'deaf');
      const stack = await launch();
      const end = await stack.interrupt();
      expect(end).toMatchObject({ code: 1 });
      expect(end.ms).toBeLessThan(10_000);
      expect(stack.output).toContain('did not stop in time');
    });

    it('tells the runner to leave its agents when started with --keep-agents', async () => {
      const stack = await launch({ args: ['--keep-agents'] });
      await stack.interrupt();
      expect((await journal(home)).find((entry) => entry.what === 'stop' && entry.app === 'provider-runner')).toMatchObject({ keepAgents: true });
    });

    it('starts a home of the version that had one password for all, and forgets that one', async () => {
      await mkdir(join(home, 'run'));
      await writeFile(join(home, 'run', 'nats.password'), 'aaaaaaaaaaaaaaaaaaaaaaaa\n', { mode: 0o600 });
      await writeFile(join(home, 'run', 'nats.conf'), 'authorization { user: "orbitmesh", password: "aaaaaaaaaaaaaaaaaaaaaaaa" }\n', { mode: 0o600 });
      await launch();
      expect(existsSync(join(home, 'run', 'nats.password'))).toBe(false);
      expect(await readFile(join(home, 'run', 'nats.conf'), 'utf8')).not.toContain('orbitmesh"');
    });

    it('waits twice as long each time a service dies at once, and does not give up', async () => {
      await writeFile(join(home, 'notifier.fault'), 'die');
      const stack = await launch({ waitReady: false });
      const starts = await eventually(async () => {
        const found = (await journal(home)).filter((entry) => entry.app === 'notifier');
        return found.length >= 5 ? found : null;
      }, { what: 'the fifth start', timeoutMs: 45_000 });
      const gaps = starts.slice(1).map((entry, n) => entry.at - starts[n].at);
      [100, 200, 400, 800].forEach((delay, n) => expect(gaps[n]).toBeGreaterThanOrEqual(delay));
      expect((await stack.file()).ready).toBe(false);
      await writeFile(join(home, 'notifier.fault'), '');
      await stack.waitReady();
    });

    it('ends with the service\'s own words when its configuration is wrong', async () => {
      await writeFile(join(home, 'provider-runner.fault'), 'config');
      const { code, output } = await launchExpectingEnd();
      expect(code).toBe(1);
      expect(output).toContain('provider-runner/slot-0 cannot start: ORBITMESH_ROOTS is wrong');
    });

    it('calls itself ready only when the gateway does', async () => {
      await writeFile(join(home, 'api-gateway.fault'), 'unready');
      const stack = await launch({ waitReady: false });
      await eventually(async () => Object.values((await stack.file()).services).filter((one) => one.state === 'ready').length === 5, { what: 'ready processes' });
      expect((await stack.file()).ready).toBe(false);
      await rm(join(home, 'api-gateway.fault'));
      await stack.waitReady();
    });

    it.each<[string, () => Promise<void>]>([
      ['moved', () => rename(home, `${home}-moved`)], ['removed', () => rm(home, { recursive: true })],
    ])('ends everything when its home is %s, and nothing is made anew where it was', async (_how, lose) => {
      const stack = await launch();
      const { notifier, 'api-gateway': gateway } = await stack.pids();
      await lose();
      // As what has lost its lock does.
      for (const pid of [notifier, gateway]) process.kill(pid!, 'SIGKILL');
      await eventually(() => stack.launcher.exitCode !== null, { what: 'the end of the launcher' });
      expect(stack.launcher.exitCode).toBe(1);
      expect(stack.output).toMatch(/is not the directory any more[^]*Stopped\.\n$/);
      expect(stack.output).not.toContain('could not be written');
      expect(await processesNaming(home)).toEqual([]);
      expect([home, join(`${home}-moved`, 'run', 'stack.json')].filter((path) => existsSync(path))).toEqual([]);
    });

    it('takes over after kill -9 of the launcher, and ends the nats-server it left', async () => {
      const first = await launch();
      const { nats } = await first.pids();
      await first.killLauncher();
      const second = await launch();
      expect((await processesNaming(home)).filter((one) => one.pid === nats)).toEqual([]);
      expect((await second.pids()).nats).not.toBe(nats);
      expect(second.url).toBe(first.url);
      expect(second.natsUrl).toBe(first.natsUrl);
    });

    it('is not held by a process that has the pid of a dead launcher', async () => {
      await mkdir(join(home, 'run'));
      await writeFile(join(home, 'run', 'launcher.lock.7'), JSON.stringify({ pid: process.pid, startTime: 'another', checkout: '/elsewhere' }));
      await launch();
      expect((await readdir(join(home, 'run'))).filter((name) => name.startsWith('launcher.lock'))).toEqual(['launcher.lock.8']);
    });

    it('is started by exactly one of three that begin at the same moment', async () => {
      const all = await Promise.all(Array.from({ length: 3 }, () => startStack({ home, launcher: checkout.launcher, waitReady: false })));
      const refused = (): TestStack[] => all.filter((one) => one.launcher.exitCode === 1);
      await eventually(() => refused().length === 2, { what: 'both refusals' });
      const winner = all.find((one) => !refused().includes(one))!;
      stacks.push(winner);
      await winner.waitReady();
    });

    it('says in a sentence that its port is taken', async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await eventually(() => server.listening);
      const { port } = server.address() as { port: number };
      const { code, output } = await launchExpectingEnd({ port });
      server.close();
      expect(code).toBe(1);
      expect(output).toContain(`Port ${port} on 127.0.0.1 is taken`);
    });

    it('stops everything when the program that started it is gone', async () => {
      const stack = await launch();
      stack.launcher.disconnect();
      await eventually(() => stack.launcher.exitCode === 0, { what: 'a clean end' });
    });
  });
});
