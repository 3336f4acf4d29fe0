import { afterEach, describe, expect, it } from '@jest/globals';
import { AppError } from '@orbitmesh/domain';
import { SessionRpc } from '@orbitmesh/contracts';
import { Cable, Chance, eventually, faultSeed, inFull, LONG, startNats } from '@orbitmesh/testing';
import { Listener } from '../testing/listener.js';
import { TestGateway } from '../testing/test-gateway.js';

const KILLS = LONG ? 20 : 1;
const CUTS = LONG ? 20 : 1;
const FROZEN_MS = LONG ? 20_000 : 2_500;
/** The promise (design §11), and what a machine that does five things at once adds to it. */
const LIVE_AGAIN_MS_MAX = 1_500;
const TEST_MS = LONG ? 180_000 : 60_000;
const SEED = faultSeed();

/** Until an event that was committed after this call is with the client. @returns how long that took, ms */
async function liveAgain(gateway: TestGateway, listener: Listener): Promise<number> {
  const since = performance.now();
  const before = gateway.service.length;
  await eventually(() => (listener.seqs.at(-1) ?? 0) > before, { what: 'an event of now', timeoutMs: 30_000 });
  return performance.now() - since;
}

describe(`the feed, while something is committed every few milliseconds (seed ${SEED})`, () => {
  const chance = new Chance(SEED);
  const closing: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    Listener.terminateAll();
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function world(cabled = false): Promise<{ gateway: TestGateway; listener: Listener; cable: Cable | null; contiguous: () => Promise<void> }> {
    const nats = await startNats();
    closing.push(() => nats.stop());
    const cable = cabled ? await Cable.to(nats.port) : null;
    if (cable) closing.push(() => cable.stop());
    const gateway = await TestGateway.start({ nats, ...(cable && { natsPort: cable.port }) });
    closing.push(() => gateway.stop());
    const listener = await Listener.subscribed(gateway);
    const writing = setInterval(() => gateway.service.commit([{ sessionId: 's1' }]), 5);
    closing.push(() => clearInterval(writing));
    const contiguous = async () => {
      clearInterval(writing);
      await eventually(() => listener.events.length === gateway.service.length, { what: 'every event' });
      expect(listener.seqs).toEqual(Array.from({ length: gateway.service.length }, (_none, n) => n + 1));
      expect(listener.closed).toBeNull();
    };
    return { gateway, listener, cable, contiguous };
  }
  const pass = (ms: number) => {
    const since = performance.now();
    return eventually(() => performance.now() - since >= ms, { timeoutMs: ms + 10_000 });
  };

  it(`NATS killed ${KILLS} times mid-stream: it is contiguous without repeats, and live again within ${LIVE_AGAIN_MS_MAX} ms each time`, async () => {
    const { gateway, listener, contiguous } = await world();
    for (let n = 0; n < KILLS; n += 1) {
      await liveAgain(gateway, listener);
      await pass(chance.between(0, 100));
      await gateway.nats.kill();
      await pass(chance.between(0, 1_000));
      await gateway.nats.restart();
      expect(await liveAgain(gateway, listener)).toBeLessThan(LIVE_AGAIN_MS_MAX);
    }
    await contiguous();
  }, TEST_MS);

  it(`NATS frozen for ${FROZEN_MS / 1_000} s: it is contiguous, and live again within ${LIVE_AGAIN_MS_MAX} ms`, async () => {
    const { gateway, listener, contiguous } = await world();
    await liveAgain(gateway, listener);
    await gateway.nats.freeze();
    await pass(FROZEN_MS / 2);
    if (LONG) {
      // Noticed by then: a server that answers no ping is one that is gone.
      const since = performance.now();
      expect((await gateway.send('POST', '/api/projects', { body: { name: 'p', workingDir: '/p' } })).status).toBe(503);
      expect(performance.now() - since).toBeLessThan(500);
    }
    await pass(FROZEN_MS / 2);
    gateway.nats.thaw();
    expect(await liveAgain(gateway, listener)).toBeLessThan(LIVE_AGAIN_MS_MAX);
    expect(listener.of('degraded').length).toBeGreaterThan(0);
    await contiguous();
  }, TEST_MS);

  it(`the gateway's connection to NATS cut ${CUTS} times: it is contiguous, and live again within ${LIVE_AGAIN_MS_MAX} ms each time`, async () => {
    const { gateway, listener, cable, contiguous } = await world(true);
    for (let n = 0; n < CUTS; n += 1) {
      await liveAgain(gateway, listener);
      await pass(chance.between(0, 200));
      cable!.cut();
      expect(await liveAgain(gateway, listener)).toBeLessThan(LIVE_AGAIN_MS_MAX);
    }
    await contiguous();
  }, TEST_MS);

  inFull('a connection to NATS that carries nothing any more is told to clients in seconds, and made anew', async () => {
    const { gateway, listener, cable, contiguous } = await world(true);
    await liveAgain(gateway, listener);
    cable!.silence();
    await listener.next('degraded');
    cable!.speak();
    await liveAgain(gateway, listener);
    await contiguous();
  }, TEST_MS);

  it('a hole that could not be filled is tried again as soon as NATS is back, however long the waits had become', async () => {
    const { gateway, listener } = await world();
    await liveAgain(gateway, listener);
    let refused = 0;
    gateway.service.answers.set(SessionRpc.eventPage.name, () => { refused += 1; throw new AppError('UNAVAILABLE'); });
    gateway.service.commit([{ sessionId: 's1' }], { heard: false });
    // By then one wait is 1.6 s.
    await eventually(() => refused >= 5, { what: 'attempts' });
    gateway.service.answers.clear();
    await gateway.nats.restart();
    await eventually(() => gateway.bus.connected && gateway.bus.health().reconnects > 0, { what: 'a connection' });
    expect(await liveAgain(gateway, listener)).toBeLessThan(600);
  }, TEST_MS);
});

describe('a burst of 10,000 events', () => {
  it('reaches every client whole and in order, also one that came in the middle of it', async () => {
    const gateway = await TestGateway.start();
    const all = [await Listener.subscribed(gateway), await Listener.subscribed(gateway)];
    try {
      for (let n = 0; n < 100; n += 1) {
        gateway.service.commit(Array.from({ length: 100 }, () => ({ sessionId: 's1', data: { content: 'x'.repeat(300) } })));
        if (n === 50) all.push(await Listener.subscribed(gateway));
      }
      for (const listener of all) await eventually(() => listener.seqs.at(-1) === 10_000, { what: 'the last event' });
      for (const { seqs } of all) expect(seqs).toEqual(Array.from({ length: seqs.length }, (_none, n) => 10_001 - seqs.length + n));
      expect(all.map(({ events }) => events.length).slice(0, 2)).toEqual([10_000, 10_000]);
    } finally {
      Listener.terminateAll();
      await gateway.stop();
    }
  }, TEST_MS);
});
