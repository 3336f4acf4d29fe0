import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Browser } from '../testing/browser.js';
import { TestGateway } from '../testing/test-gateway.js';

const OWN_QUESTIONS = ['events.head', 'events.page', 'token.verify'];
/** `npm run test:browser`: it needs a real one. */
const inBrowser = process.env.ORBITMESH_TEST_BROWSER === '1' ? describe : describe.skip;

inBrowser('a real page', () => {
  let browser: Browser;
  let gateway: TestGateway;
  let allowed: string;
  beforeAll(async () => {
    browser = await Browser.start();
    allowed = `http://ui.example:${browser.port}`;
    gateway = await TestGateway.start({ allowedOrigins: [allowed] });
  });
  afterAll(async () => {
    await browser.stop();
    await gateway.stop();
  });
  beforeEach(async () => {
    // Made for the allowed page, and come into other hands.
    const { body } = await gateway.send('POST', '/api/tickets', { headers: { origin: allowed } });
    browser.options = { api: `http://127.0.0.1:${gateway.port}`, token: gateway.token, ticket: String(body['ticket']) };
    gateway.service.asked.length = 0;
  });
  afterEach(() => { gateway.service.asked.length = 0; });
  const done = () => gateway.service.asked.map(({ name }) => name).filter((name) => !OWN_QUESTIONS.includes(name));

  it('elsewhere neither reads, writes nor opens anything, though it has the token', async () => {
    expect(await browser.visit(`http://evil.example:${browser.port}/`)).toEqual({
      'reads with the token': 'blocked', 'reads what everybody may': 'blocked', 'writes with the token': 'blocked', 'writes as a form would': 'blocked', 'sends a beacon': 'true', 'submits a form': 'sent unseen',
      'loads it as a script': 'blocked', 'loads it as an image': 'blocked', 'opens a socket with the token': 'blocked', 'opens a socket with the ticket of another page': 'blocked',
      'gets a ticket': 'no', 'opens a socket with a ticket of its own': 'none', 'opens a stream with a ticket of its own': 'none',
    });
    expect(done()).toEqual([]);
  }, 120_000);

  it('whose name was made to point here, which its browser takes for its own server, sees nothing but that it is refused', async () => {
    const url = await browser.rebind(gateway.port);
    browser.options.api = '';

    expect(await browser.visit(url)).toEqual({
      'reads with the token': '403 HOST_NOT_ALLOWED', 'reads what everybody may': '403 HOST_NOT_ALLOWED', 'writes with the token': '403 HOST_NOT_ALLOWED', 'writes as a form would': '403 HOST_NOT_ALLOWED',
      'sends a beacon': 'true', 'submits a form': 'sent unseen', 'loads it as a script': 'blocked', 'loads it as an image': 'blocked', 'opens a socket with the token': 'blocked',
      'opens a socket with the ticket of another page': 'blocked', 'gets a ticket': 'no', 'opens a socket with a ticket of its own': 'none', 'opens a stream with a ticket of its own': 'none',
    });
    expect(done()).toEqual([]);
  }, 120_000);

  it('of an allowed origin, the same page, reads, writes, and follows the feed with tickets', async () => {
    const report = await browser.visit(`${allowed}/`);

    expect(report).toMatchObject({
      'reads with the token': '200 an answer', 'reads what everybody may': '200 an answer', 'writes with the token': '201 an answer', 'opens a socket with the token': 'open',
      'opens a socket with the ticket of another page': 'open', 'gets a ticket': 'yes', 'opens a socket with a ticket of its own': 'open', 'opens a stream with a ticket of its own': 'open',
    });
    // Without a token of its own doing, it is nobody either.
    expect(report).toMatchObject({ 'writes as a form would': 'blocked', 'loads it as an image': 'blocked' });
    expect(done().filter((name) => name === 'project.create')).toHaveLength(1);
  }, 120_000);
});
