import { readFile } from 'node:fs/promises';
import { connect as connectTo, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { AnyRunnerRpc, NotifierRpc, RunnerRpc, SERVICE_NAMES, SessionRpc, Topics, type RpcOwner, type ServiceName } from '@orbitmesh/contracts';
import { eventually, startNats, type TestNats } from '@orbitmesh/testing';
import { Bus } from './bus.js';
import { CLOCK_HEADER, UNTIL_HEADER } from './deadline.js';
import { renderNatsPermissions, renderNatsUsers } from './permissions.doc.js';
import { passwordVariable } from './permissions.js';
import { requestSubject, topicSubject } from './subjects.js';

jest.setTimeout(30_000);

const passwordOf = (service: string): string => `secret of ${service}`;
/** As the launcher and compose have it, with the passwords in the same file. */
const CONFIG = [
  ...SERVICE_NAMES.map((name) => `${passwordVariable(name)}: "${passwordOf(name)}"`), renderNatsUsers().replace(/^include .*$/m, ''),
].join('\n');
const checkedIn = (path: string): Promise<string> => readFile(new URL(`../../../${path}`, import.meta.url), 'utf8');

/** Speaks NATS itself, and hears what the server says of each line. */
class Wire {
  private readonly heard: string[] = [];
  private waiting: (() => void) | undefined;
  private readonly closed: Promise<void>;
  /** What the server said of our name and password. */
  greeting: string[] = [];

  private constructor(private readonly socket: Socket) {
    createInterface(socket).on('line', (line) => {
      if (line === 'PONG') this.waiting?.();
      else this.heard.push(line);
    });
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  static async open(port: number, user?: string, pass?: string): Promise<Wire> {
    const wire = new Wire(connectTo(port, '127.0.0.1'));
    wire.greeting = await wire.say(`CONNECT ${JSON.stringify({ verbose: false, pedantic: false, headers: true, user, pass })}`);
    return wire;
  }

  /** @returns what the server refused, or sent, since the last time */
  async say(...lines: string[]): Promise<string[]> {
    const answered = new Promise<void>((resolve) => { this.waiting = resolve; });
    this.socket.write(`${[...lines, 'PING'].join('\r\n')}\r\n`);
    await Promise.race([answered, this.closed]);
    return this.heard.splice(0).filter((line) => !line.startsWith('INFO '));
  }

  async may(what: 'publish' | 'subscribe', subject: string): Promise<boolean> {
    const said = await this.say(...(what === 'publish' ? [`PUB ${subject} 0`, ''] : [`SUB ${subject} 1`, 'UNSUB 1']));
    return !said.some((line) => line.startsWith('-ERR'));
  }

  close(): void {
    this.socket.destroy();
  }
}

const request = (rpc: { owner: RpcOwner; name: string }): string => requestSubject('in_a', rpc, rpc.owner === 'runner' ? 'slot-1' : undefined);
const { claimRun, heartbeat, facts, ...forPeople } = SessionRpc;
const { metrics, ...commands } = RunnerRpc;
const [toRunners, fromRunners, gatewaysAsk, notifierIsAsked] = [
  [...Object.values(commands), ...Object.values(AnyRunnerRpc)], [claimRun, heartbeat, facts], Object.values(forPeople), Object.values(NotifierRpc),
].map((rpcs) => rpcs.map(request));
const feed = Object.values(Topics).map((topic) => topicSubject('in_a', topic));
const inboxes = SERVICE_NAMES.map((name) => `_INBOX.${name}.k3y.1`);
/** Nobody's: too wide, the server's own, and what is not of the contracts. */
const NOBODYS = [
  '>', '*', '*.>', 'om.>', 'om.*.>', 'om.v1.>', 'om.v1.*.>', 'om.v1.in_a.>', 'om.v1.*.*.>', 'om.v1.*.req.>', 'om.v1.*.req.*.>', 'om.v1.in_a.event.>', 'om.v1.in_a.event.*', 'om.v1.*.beacon.>',
  '_INBOX.>', '_INBOX.*.>', '_INBOX.*.*.*', '_INBOX.*', '_INBOX', '_INBOX.other.1', '$SYS.>', '$SYS.REQ.USER.INFO', '$SYS.REQ.SERVER.PING', '$JS.API.INFO', '$JS.API.>', '$KV.>',
  'om.v2.in_a.req.session.health', 'om.v1.in_a.req.gateway.health', 'om.v1.in_a.event.other', 'om.v1.in_a.event.committed.more', 'anything',
];
const metricsOfRunner = request(metrics);
const EVERY = [...toRunners, metricsOfRunner, ...fromRunners, ...gatewaysAsk, ...notifierIsAsked, ...feed, ...inboxes, ...NOBODYS];

/** Written once more by hand: what generates the permissions must not be what checks them. */
const MAY: Record<ServiceName, { publish: string[]; subscribe: string[] }> = {
  'session-service': { publish: [...toRunners, ...feed], subscribe: [...gatewaysAsk, ...fromRunners, '_INBOX.session-service.k3y.1'] },
  'api-gateway': { publish: [...gatewaysAsk, ...notifierIsAsked, metricsOfRunner], subscribe: [...feed, '_INBOX.api-gateway.k3y.1'] },
  notifier: { publish: [request(SessionRpc.eventPage)], subscribe: [...notifierIsAsked, ...feed, '_INBOX.notifier.k3y.1'] },
  'provider-runner': { publish: fromRunners, subscribe: [...toRunners, metricsOfRunner, '_INBOX.provider-runner.k3y.1'] },
};

describe('the users of NATS', () => {
  let nats: TestNats;
  const wires: Wire[] = [];
  const open = async (user?: string, password?: string): Promise<Wire> => {
    const wire = await Wire.open(nats.port, user, password);
    wires.push(wire);
    return wire;
  };
  const as = (service: ServiceName): Promise<Wire> => open(service, passwordOf(service));
  const busAs = (service: ServiceName): Promise<Bus> => Bus.connect({ url: nats.url, installationId: 'in_a', name: service, login: { user: service, password: passwordOf(service) } });

  beforeAll(async () => { nats = await startNats({ config: CONFIG }); });
  afterAll(async () => {
    for (const wire of wires) wire.close();
    await nats.stop();
  });

  it.each(SERVICE_NAMES.flatMap((service) => (['publish', 'subscribe'] as const).map((what) => [service, what] as const)))('%s may %s what is its own, of every subject there is', async (service, what) => {
    const wire = await as(service);
    const allowed: string[] = [];
    for (const subject of EVERY) if (await wire.may(what, subject)) allowed.push(subject);
    expect(allowed.sort()).toEqual([...MAY[service][what]].sort());
  });

  it.each([['nobody', undefined, undefined], ['a wrong password', 'session-service', 'x'], ['another\'s password', 'session-service', passwordOf('notifier')], ['no user there is', 'admin', ''], ['the one user of earlier versions', 'orbitmesh', '']])('%s may do nothing', async (_who, user, password) => {
    expect((await open(user, password)).greeting).toEqual([expect.stringContaining('Authorization Violation')]);
    const login = user === undefined ? undefined : { user, password: password ?? '' };
    await expect(Bus.connect({ url: nats.url, installationId: 'in_a', name: 'spec', login })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('may answer what they were asked once, and nobody who did not ask', async () => {
    const [asker, answerer] = [await as('api-gateway'), await as('session-service')];
    await answerer.say('SUB om.v1.in_a.req.session.> 1');
    await asker.say('SUB _INBOX.api-gateway.> 1');
    const inbox = '_INBOX.api-gateway.k3y.7';
    await asker.say(`PUB ${request(SessionRpc.health)} ${inbox} 2`, '{}');
    expect(await answerer.say()).toEqual([`MSG ${request(SessionRpc.health)} 1 ${inbox} 2`, '{}']);

    expect(await answerer.may('publish', '_INBOX.api-gateway.k3y.8')).toBe(false);
    expect(await answerer.may('publish', inbox)).toBe(true);
    expect(await answerer.may('publish', inbox)).toBe(false);
  });

  it('work with it: requests, answers, errors and the feed', async () => {
    const [session, gateway, runner] = await Promise.all((['session-service', 'api-gateway', 'provider-runner'] as const).map(busAs));
    session.serve(SessionRpc.facts, () => ({ ackedRunSeq: 7 }));
    runner.serve(RunnerRpc.stop, () => ({ accepted: true }), { runnerId: 'slot-1' });
    const heads: number[] = [];
    gateway.subscribe(Topics.head, ({ seq }) => { heads.push(seq); });
    await Promise.all([session, gateway, runner].map((bus) => bus.flush()));

    expect(await runner.request(SessionRpc.facts, {} as never)).toEqual({ ackedRunSeq: 7 });
    expect(await session.request(RunnerRpc.stop, {} as never, { runnerId: 'slot-1' })).toEqual({ accepted: true });
    session.publish(Topics.head, { logId: 'l', cursor: 'l.1', seq: 1 });
    await eventually(() => heads.length === 1);
    await expect(gateway.request(SessionRpc.facts, {} as never)).rejects.toMatchObject({ code: 'UNAVAILABLE', details: { reason: 'permission' } });
    expect([session, runner].map((bus) => bus.health().problem)).toEqual([null, null]);
    await Promise.all([session, gateway, runner].map((bus) => bus.drain()));
  });

  /** NATS lets whoever answers speak on the subject that the asker named, which may be one where the asker itself may not. */
  it('are not made to speak for another: a request whose answer is for no inbox, or for our own, is not begun', async () => {
    const session = await busAs('session-service');
    let begun = 0;
    session.serve(SessionRpc.facts, () => { begun += 1; return { ackedRunSeq: 0 }; });
    await session.flush();
    const [runner, gateway, honest] = [await as('provider-runner'), await as('api-gateway'), await busAs('provider-runner')];
    await gateway.say(`SUB ${feed[0]} 1`);
    const ask = (reply: string, until = ''): Promise<string[]> => {
      const header = `NATS/1.0\r\n${UNTIL_HEADER}: ${until}\r\n\r\n`;
      return runner.say(`HPUB ${request(facts)} ${reply} ${header.length} ${header.length + 2}`, `${header}{}`);
    };
    // Anybody who asks is told what time it is there.
    await runner.say('SUB _INBOX.provider-runner.> 1');
    await ask('_INBOX.provider-runner.k3y.2');
    await honest.request(SessionRpc.facts, {} as never);
    const clock = (await runner.say()).find((line) => line.startsWith(CLOCK_HEADER))!.split(': ')[1].split('.')[0];
    expect(begun).toBe(1);

    for (const reply of [feed[0], '_INBOX.session-service.k3y.1', 'anything', '']) await ask(reply, `${clock}.999999999999`);
    await ask('_INBOX.provider-runner.k3y.3', `${clock}.999999999999`);
    await honest.request(SessionRpc.facts, {} as never);

    expect(begun).toBe(3);
    expect(await gateway.say()).toEqual([]);
    await Promise.all([session.drain(), honest.drain()]);
  });
});

describe('docs/nats-permissions.md and tools/nats-users.conf', () => {
  it('say what the contracts say; if this fails, run: node tools/gen.mjs', async () => {
    expect(await checkedIn('docs/nats-permissions.md')).toBe(renderNatsPermissions());
    expect(await checkedIn('tools/nats-users.conf')).toBe(renderNatsUsers());
  });

  it('switch on nothing that OrbitMesh does not use', () => {
    expect(CONFIG).not.toMatch(/accounts|no_auth_user|jetstream|websocket|leafnodes|mqtt|cluster|gateway ?[{:]/);
  });
});
