import { isId } from '@orbitmesh/domain';
import { TOKEN_SCOPES, type Token, type TokenScope } from '@orbitmesh/contracts';

/** Hashes of the request that made it, by its Idempotency-Key and by its body. */
export interface MadeBy { key: string; body: string }
/** `tokens/<sha256 of the token>.json`: what is kept of a user's token. One of an earlier version has no scopes, which is both. */
export interface UserToken {
  schemaVersion: 1; id: string; name: string; scopes: TokenScope[]; createdAt: string;
  expiresAt?: string; madeBy?: MadeBy;
}

/** null for what is none: it lets nobody in. */
export function parseUserToken(text: string): UserToken | null {
  let value: Partial<UserToken> | null;
  try {
    value = JSON.parse(text) as Partial<UserToken> | null;
  } catch {
    return null; // The caller reports it.
  }
  if (value?.schemaVersion !== 1 || !isId(value.id)) return null;
  const { scopes = [...TOKEN_SCOPES], expiresAt } = value;
  if (!Array.isArray(scopes) || !scopes.every((scope) => TOKEN_SCOPES.includes(scope))) return null;
  if (expiresAt !== undefined && Number.isNaN(Date.parse(expiresAt))) return null;
  return { ...value as UserToken, name: String(value.name ?? ''), createdAt: String(value.createdAt ?? ''), scopes };
}

export function isExpired({ expiresAt }: UserToken): boolean {
  return expiresAt !== undefined && Date.parse(expiresAt) <= Date.now();
}

/** What may be shown of it. */
export function shown({ id, name, scopes, createdAt, expiresAt }: UserToken): Token {
  return { id, name, scopes, createdAt, expiresAt: expiresAt ?? null };
}
