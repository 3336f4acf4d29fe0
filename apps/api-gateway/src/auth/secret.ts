import { hash, randomBytes } from 'node:crypto';

/** 32 random bytes, 43 characters: nothing to guess. */
export function newSecret(prefix: 'omd_' | 'omu_' | 'omt_'): string {
  return prefix + randomBytes(32).toString('base64url');
}

/** Of 32 random bytes a plain hash is enough: there is no dictionary of them. */
export function hashOf(secret: string): Buffer {
  return hash('sha256', secret, 'buffer');
}
