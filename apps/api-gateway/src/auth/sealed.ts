import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';

/** AES-256-GCM's tag, bytes. */
const TAG_BYTES = 16;
/** A key seals one text, so that its nonce may be the same always. */
const NONCE = Buffer.alloc(12);

/** What only who has the secret can read; a secret seals once. */
export function seal(text: string, secret: string): string {
  const cipher = createCipheriv('aes-256-gcm', keyOf(secret), NONCE);
  return Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64');
}

/** null: it is not what this secret sealed. */
export function unseal(sealed: string, secret: string): string | null {
  const bytes = Buffer.from(sealed, 'base64');
  if (bytes.length < TAG_BYTES) return null;
  const decipher = createDecipheriv('aes-256-gcm', keyOf(secret), NONCE, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()]).toString('utf8');
  } catch {
    return null;
  }
}

function keyOf(secret: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', 'orbitmesh ticket', 32));
}
