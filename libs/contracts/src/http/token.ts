/** What a user's token may do: look, or change. */
export const TOKEN_SCOPES = ['read', 'write'] as const;
export type TokenScope = (typeof TOKEN_SCOPES)[number];

/** The id by which the admin's own token is rotated; it is in no list. */
export const ADMIN_TOKEN_ID = 'admin';

/** A single use for a token where it cannot be sent in a header. */
export const TICKET = /^omt_[A-Za-z0-9_-]{43}$/;

export interface CreateTokenBody {
  /** Whose it is, or what for: for people. */
  name: string;
  /** @default both */
  scopes?: TokenScope[];
  /** RFC 3339; null: until it is revoked. @default null */
  expiresAt?: string | null;
}

/** A user's token, as it may be shown. */
export interface Token {
  id: string;
  name: string;
  scopes: TokenScope[];
  createdAt: string;
  /** null: until it is revoked. */
  expiresAt: string | null;
}

/** The one answer that has it in plain: afterwards only its hash is known. */
export interface MadeToken extends Token { token: string }

/** Opens one WebSocket or event stream, as whoever asked for it, in the page that did. */
export interface Ticket {
  ticket: string;
  /** RFC 3339, 30 s from when it was made. */
  expiresAt: string;
}
