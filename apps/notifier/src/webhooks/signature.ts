import { createHmac } from 'node:crypto';

/** Standard Webhooks, symmetric (`v1`): over id, time and the body as it is sent. @param seconds since 1970 */
export function signatureOf(secret: Uint8Array, id: string, seconds: number, body: string): string {
  return `v1,${createHmac('sha256', secret).update(`${id}.${seconds}.${body}`).digest('base64')}`;
}
