import { describe, expect, it } from '@jest/globals';
import { Redactor } from './redactor.js';

const MASK = '[redacted]';
const SECRET = 'zq"9x/+ ä-secret-4711';

describe('the redactor', () => {
  const token = `oma_sess_1_2_${'aB-_'.repeat(10)}xyz`;

  it('knows the token of its run by its form, whole or begun, where nobody can say it any more', () => {
    const redactor = new Redactor([], { sessionId: 'sess_1', epoch: 2 });

    expect(redactor.deep({ said: `it is ${token}, and ${token.slice(0, 30)}`, of: 'oma_sess_1_3_other' })).toEqual({ said: 'it is [redacted], and [redacted]', of: 'oma_sess_1_3_other' });
    expect(['so oma_sess', token.slice(0, 20), token, 'oma_other'].map((text) => redactor.begun(text))).toEqual(['oma_sess', token.slice(0, 20), '', '']);
  });

  it.each([
    ['as it is', SECRET],
    ['in JSON', JSON.stringify({ a: SECRET }).slice(6, -2)],
    ['in JSON that is text in JSON', JSON.stringify(JSON.stringify(SECRET)).slice(3, -3)],
    ['in a URL', encodeURIComponent(SECRET)],
    ['in a form', encodeURIComponent(SECRET).replaceAll('%20', '+')],
    ['in hex', Buffer.from(SECRET).toString('hex')],
    ['in hex as others write it', Buffer.from(SECRET).toString('hex').toUpperCase()],
    ['in the JSON of Python', JSON.stringify(SECRET).slice(1, -1).replace('ä', '\\u00e4')],
    ['in the JSON of PHP', JSON.stringify(SECRET).slice(1, -1).replace('ä', '\\u00e4').replace('/', '\\/')],
    ['in a path of a URL', encodeURIComponent(SECRET).replaceAll('%2F', '/').toLowerCase()],
    ['in a page', SECRET.replace('"', '&quot;')],
    ['coloured in parts', `${SECRET.slice(0, 5)}\u001B[01;31m\u001B[K${SECRET.slice(5, 9)}\u001B[m\u001B[K${SECRET.slice(9)}`],
    ['broken by a shell', `${SECRET.slice(0, 5)}\\\n${SECRET.slice(5)}`],
    ['broken over lines', `${SECRET.slice(0, 5)}\n${SECRET.slice(5, 12)}\r\n    ${SECRET.slice(12)}`],
    ['in base64 that is broken over lines', Buffer.from(SECRET).toString('base64').replace(/.{8}/g, '$&\n').slice(0, -1)],
  ])('takes out a secret %s', (_how, form) => {
    const clean = new Redactor([SECRET]).text(`before ${form} after`);
    // Of base64 the last characters belong to what follows, too.
    expect(clean).toMatch(/^before \[redacted\][A-Za-z0-9+/=\n]{0,4} after$/);
  });

  it.each([
    ["it's <b>&!(x)*~ it", ["it'\\''s <b>&!(x)*~ it", "it's \\u003cb\\u003e\\u0026!(x)*~ it", 'it%27s%20%3Cb%3E%26%21%28x%29%2A~%20it', 'it%27s+%3Cb%3E%26%21%28x%29*%7E+it', 'it&#39;s &lt;b&gt;&amp;!(x)*~ it']],
    ['the first line of it\r\nthe second line of it', ['the first line of it\nthe second line of it', 'the first \nline of it\nthe second \nline of it']],
  ])('takes out %j as it is written elsewhere', (secret, written) => {
    for (const form of written) expect(new Redactor([secret]).text(form).replaceAll(MASK, '').trim()).toBe('');
  });

  it('takes out a secret in the base64 of something longer, wherever it stands in it', () => {
    for (const before of ['', 'u', 'us', 'user:', 'another-user:']) {
      for (const alphabet of ['base64', 'base64url'] as const) {
        const encoded = Buffer.from(`${before}${SECRET}, and more`).toString(alphabet);
        const clean = new Redactor([SECRET]).text(`Basic ${encoded}`);
        expect(clean).toContain(MASK);
        expect(Buffer.from(clean.split(MASK)[0].slice(6), alphabet).toString()).not.toContain(SECRET.slice(0, 2));
      }
    }
  });

  it.each([
    `sk-ant-api03-${'aB3_'.repeat(20)}`, `sk-proj-${'x'.repeat(48)}`, `sk-${'A1b2'.repeat(12)}`, `ghp_${'a1B2'.repeat(9)}`, `github_pat_${'a1'.repeat(20)}`, `glpat-${'a'.repeat(20)}`, `xoxb-${'1'.repeat(12)}-abcdefgh`,
    'AKIAIOSFODNN7EXAMPLE', `AIza${'a'.repeat(35)}`, `npm_${'a'.repeat(36)}`, `hf_${'a'.repeat(34)}`, `sk_live_${'a'.repeat(24)}`, `eyJ${'a'.repeat(20)}.eyJ${'b'.repeat(20)}.${'c'.repeat(20)}`,
    `omd_${'a'.repeat(43)}`, `omu_${'-'.repeat(43)}`, `whsec_${'a'.repeat(43)}=`, `-----BEGIN OPENSSH PRIVATE KEY-----\n${'abcd\n'.repeat(20)}-----END OPENSSH PRIVATE KEY-----`,
  ])('takes out what has the form of a key: %s', (key) => {
    const redactor = new Redactor([]);
    expect(redactor.text(`key=${key}\n`)).toBe(`key=${MASK}\n`);
    expect(redactor.deep({ [key]: [key] })).toEqual({ [MASK]: [MASK] });
    for (let length = 11; length < key.length; length += 7) expect(redactor.begun(`it is "${key.slice(0, length)}`)).toBe(key.slice(0, length));
    // What is to go on as it was holds it as it was.
    expect(redactor.text(key, { known: true })).toBe(key);
  });

  it('takes the password out of a URL', () => {
    expect(new Redactor([]).text('git clone https://ada:hunter2@example.invalid/x.git')).toBe(`git clone https://ada:${MASK}@example.invalid/x.git`);
  });

  it.each([
    'A task-force of 12 asks: is this a sk-loading-spinner-wrapper?', 'see https://example.invalid:8080/a@b and a@b.example', 'sess_01M80RGPNV40RWAD7ZXYY6NVG9 whsec_short ghp_short AKIA.', 'const risk = sky.key;',
    'https://user@example.invalid/c', '-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----',
  ])('leaves alone: %s', (text) => {
    expect(new Redactor([SECRET, 'abc']).text(text)).toBe(text);
    expect(new Redactor([]).begun(text)).toBe('');
  });

  it('holds nothing of a secret back for longer than it may be one, however it is broken', () => {
    const redactor = new Redactor([SECRET]);
    expect(['c', `x ${SECRET.slice(0, 6)}`, `x ${SECRET.slice(0, 6)}\n  ${SECRET.slice(6, 9)}`, `x ${SECRET.slice(0, 6)}\u001B[3`, `x ${SECRET.slice(0, 6)}\r`, `${SECRET}.`, `${SECRET.slice(0, 6)}, no`].map((text) => redactor.begun(text)))
      .toEqual(['', SECRET.slice(0, 6), `${SECRET.slice(0, 6)}\n  ${SECRET.slice(6, 9)}`, `${SECRET.slice(0, 6)}\u001B[3`, `${SECRET.slice(0, 6)}\r`, '', '']);
  });

  it('is quick with a secret of 64 KiB and with text that nearly is one', () => {
    const redactor = new Redactor(['ab'.repeat(32_000), 'aaaaaaaaaaaaaaaaaaaaaaab']);
    const begun = performance.now();
    for (const text of ['ab'.repeat(8_000), 'a'.repeat(16_000), 'a\n'.repeat(8_000)]) redactor.begun(redactor.text(text));
    expect(performance.now() - begun).toBeLessThan(2_000);
  });
});
