import { expect, it } from '@jest/globals';
import { startNats } from '@orbitmesh/testing';
import { connect } from '@nats-io/transport-node';
import { TurnOutbox } from './turn-outbox.js';

it('sends all of one turn in their order, after it, and the rest in the next', async () => {
  const outbox = new TurnOutbox();
  const sent: number[] = [];
  for (const n of [1, 2]) outbox.add(() => { sent.push(n); outbox.add(() => sent.push(n + 10)); });
  await Promise.resolve();
  expect(sent).toEqual([]);

  await new Promise(setImmediate);
  expect(sent).toEqual([1, 2]);
  await new Promise(setImmediate);
  expect(sent).toEqual([1, 2, 11, 12]);
});

it('sends at once what waits when it is told to', () => {
  const outbox = new TurnOutbox();
  const sent: number[] = [];
  outbox.add(() => sent.push(1));
  outbox.flush();
  expect(sent).toEqual([1]);
});

it('has the library write once for what microtasks of one turn gave it, where it would write for each', async () => {
  const nats = await startNats();
  const nc = await connect({ servers: `127.0.0.1:${nats.port}` });
  const { transport } = (nc as unknown as { protocol: { transport: { send(frame: Uint8Array): void } } }).protocol;
  let writes = 0;
  const send = transport.send.bind(transport);
  transport.send = (frame) => { writes += 1; send(frame); };
  const outbox = new TurnOutbox();
  const giveThree = async (give: (publish: () => void) => void): Promise<number> => {
    writes = 0;
    for (let n = 0; n < 3; n += 1) {
      give(() => nc.publish('x'));
      for (let wait = 0; wait < 3; wait += 1) await Promise.resolve();
    }
    await new Promise(setImmediate);
    return writes;
  };
  try {
    expect(await giveThree((publish) => publish())).toBe(3);
    expect(await giveThree((publish) => outbox.add(publish))).toBe(1);
  } finally {
    await nc.close();
    await nats.stop();
  }
});
