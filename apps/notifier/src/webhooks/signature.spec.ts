import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { signatureOf } from './signature.js';
import { WebhookSecrets } from './webhook-secrets.js';

let dir: string;
beforeEach(async () => { dir = await mkdtemp(join(tmpdir(), 'om-secrets-')); });
afterEach(() => rm(dir, { recursive: true, force: true }));

describe('a signature', () => {
  // The example that Standard Webhooks' own libraries test with; computed again with `openssl dgst -sha256 -mac HMAC`.
  it('is what Standard Webhooks says it is', () => {
    const secret = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64');

    expect(signatureOf(secret, 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, '{"test": 2432232314}')).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });
});

describe('a webhook\'s secret', () => {
  const webhook = { id: 'whk_01ARZ3NDEKTSV4RRFFQ69G5FAV', secretVersion: 3 };

  // Both computed with Python's hmac from this key.
  it('is computed of key, installation, webhook and version, and signs what is sent', async () => {
    await writeFile(join(dir, 'webhook.key'), Buffer.from(Array.from({ length: 32 }, (_, n) => n)), { mode: 0o600 });
    const secrets = await WebhookSecrets.load(dir, 'in_test');

    expect(secrets.secretOf(webhook)).toBe('whsec_0aEnZxVCJ9Yc+mi7MS0FiWgbJTbU9zROKeAuI5hSO1o=');
    expect(secrets.headersFor(webhook, 'dlv_01ARZ3NDEKTSV4RRFFQ69G5FAV', 1767225600, '{"id":"x","text":"ü"}')).toEqual({
      'webhook-id': 'dlv_01ARZ3NDEKTSV4RRFFQ69G5FAV', 'webhook-timestamp': '1767225600', 'webhook-signature': 'v1,k1Z0wDMeX+nRYlldAFUFBvYl3DjC6W4G3DRw8Vu3Muo=',
    });
  });

  it('is the same after a restart, and another for every version, webhook, installation and key', async () => {
    const secrets = await WebhookSecrets.load(dir, 'in_test');
    const again = await WebhookSecrets.load(dir, 'in_test');
    const other = await mkdtemp(join(dir, 'other-'));

    expect((await stat(join(dir, 'webhook.key'))).mode & 0o777).toBe(0o600);
    expect(again.secretOf(webhook)).toBe(secrets.secretOf(webhook));
    const others = [
      secrets.secretOf({ ...webhook, secretVersion: 4 }), secrets.secretOf({ ...webhook, id: 'whk_01ARZ3NDEKTSV4RRFFQ69G5FAW' }),
      (await WebhookSecrets.load(dir, 'in_other')).secretOf(webhook), (await WebhookSecrets.load(other, 'in_test')).secretOf(webhook),
    ];
    expect(new Set([secrets.secretOf(webhook), ...others]).size).toBe(5);
  });
});
