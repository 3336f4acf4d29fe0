import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import type { Webhook } from '@orbitmesh/contracts';
import { loadKeyFile } from '@orbitmesh/service-kit';
import { signatureOf } from './signature.js';

/** Secrets of webhooks, computed and never stored (ADR-0010): each version of each webhook has its own. */
export class WebhookSecrets {
  private constructor(private readonly key: Buffer, private readonly installationId: string) {}

  /**
   * Reads `webhook.key` of the directory, or makes it. The caller holds the directory's lock.
   * @throws CONFIG_INVALID when the file is damaged: a new key would silently change every secret.
   */
  static async load(dir: string, installationId: string): Promise<WebhookSecrets> {
    return new WebhookSecrets(await loadKeyFile(join(dir, 'webhook.key'), 'every webhook gets another secret'), installationId);
  }

  /** As Standard Webhooks writes it: `whsec_` and 32 bytes in base64. */
  secretOf(webhook: Pick<Webhook, 'id' | 'secretVersion'>): string {
    return `whsec_${this.bytesOf(webhook).toString('base64')}`;
  }

  /** The headers that say who sent what, when. @param seconds since 1970, of this attempt */
  headersFor(webhook: Pick<Webhook, 'id' | 'secretVersion'>, deliveryId: string, seconds: number, body: string): Record<string, string> {
    return {
      'webhook-id': deliveryId, 'webhook-timestamp': String(seconds), 'webhook-signature': signatureOf(this.bytesOf(webhook), deliveryId, seconds, body),
    };
  }

  private bytesOf({ id, secretVersion }: Pick<Webhook, 'id' | 'secretVersion'>): Buffer {
    // Ids hold no newline, so no two tuples have the same text.
    return createHmac('sha256', this.key).update([this.installationId, id, secretVersion].join('\n')).digest();
  }
}
