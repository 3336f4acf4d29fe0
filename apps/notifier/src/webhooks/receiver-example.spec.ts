import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CreateWebhookDto, validateDto, WEBHOOK_TYPES, type Webhook } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { RETRY_DELAYS_MS } from '../limits.js';
import { FakeClock } from '../testing/fake-clock.js';
import { meta, TestNotifier } from '../testing/test-notifier.js';

const PAGE = new URL('../../../../docs/how-to/receive-webhooks.md', import.meta.url);

let dir: string;
let page: string;
let notifier: TestNotifier;
let webhook: Webhook;
let receiver: ChildProcess | undefined;
let said: string;

beforeEach(async () => {
  [dir, page, said] = [await mkdtemp(join(tmpdir(), 'om-example-')), await readFile(PAGE, 'utf8'), ''];
});
afterEach(async () => {
  await notifier?.close();
  if (receiver?.exitCode === null) {
    receiver.kill('SIGKILL');
    await once(receiver, 'exit');
  }
  receiver = undefined;
  await rm(dir, { recursive: true, force: true });
});

/** The page's receiver, as somebody would copy it, with the secret of a webhook that then gets its address. */
async function receive(wall: number): Promise<void> {
  notifier = await TestNotifier.start({ dir: join(dir, 'notifier'), clock: new FakeClock(wall) });
  webhook = await notifier.createWebhook({ url: 'http://127.0.0.1:1/' });
  const file = join(dir, 'receiver.mjs');
  await writeFile(file, /```js\n([\s\S]*?)```/.exec(page)![1]);
  receiver = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'], env: { PORT: '0', WEBHOOK_SECRET: notifier.webhooks.secret(webhook.id).secret } });
  receiver.stdout!.on('data', (chunk: Buffer) => { said += chunk.toString(); });
  const port = await eventually(() => /listening on (\d+)/.exec(said)?.[1], { what: 'the receiver' });
  await notifier.webhooks.update({ id: webhook.id, body: { url: `http://127.0.0.1:${port}/` }, meta: meta() });
}
const last = () => notifier.webhooks.get(webhook.id).lastDelivery;

describe('the receiver of docs/how-to/receive-webhooks.md', () => {
  it('takes what we sign and prints it once, however often it comes', async () => {
    await receive(Date.now());
    await notifier.tell('notify:needs_input');
    await eventually(() => last()?.state === 'delivered');
    // As if its answer had not reached us.
    const [delivered] = notifier.deliveriesOf(webhook.id);
    await notifier.store.commit({ puts: [{ collection: 'deliveries', id: delivered.id, doc: { ...delivered, state: 'pending', nextAttemptAt: delivered.createdAt } }] });
    await eventually(() => notifier.deliveriesOf(webhook.id)[0].attempts === 2);
    const test = (await notifier.deliveries.test({ id: webhook.id, meta: meta() })).body;

    await eventually(() => last()?.id === test.id && last()?.state === 'delivered');

    expect(said.split('\n').slice(1)).toEqual(['notify:needs_input title 1: message 1', `webhook:test Test: ${test.payload.data.message}`, '']);
  });

  it('refuses what another secret signed, which is then tried again', async () => {
    await receive(Date.now());
    await notifier.webhooks.rotateSecret({ id: webhook.id, meta: meta() });
    await notifier.tell('notify:progress');

    await eventually(() => last()?.status === 401);
    expect(last()).toMatchObject({ state: 'pending' });
    expect(said).not.toContain('title 1');
  });

  it('refuses what is old', async () => {
    await receive(Date.now() - 10 * 60_000);
    await notifier.tell('notify:progress');

    await eventually(() => last()?.status === 401);
  });
});

describe('the page', () => {
  it('shows bodies that are taken, every type there is, and the waits there are', () => {
    const bodies = [...page.matchAll(/^om \S+ -d '(.*?)'/gm)].map(([, body]) => JSON.parse(body) as unknown);
    expect(bodies.length).toBe(1);
    for (const body of bodies) validateDto(CreateWebhookDto, body);
    for (const type of WEBHOOK_TYPES) expect(page).toContain(`\`${type === 'notify:*' ? type : type.slice('notify:'.length)}\``);
    expect(RETRY_DELAYS_MS.map((ms) => ms / 60_000)).toEqual([5 / 60, 15 / 60, 45 / 60, 2.25, 6.75, 20.25, 30]);
    expect(page).toContain('8 tries, after 5 s, 15 s, 45 s, 2¼, 6¾, 20 and 30 minutes');
  });
});
