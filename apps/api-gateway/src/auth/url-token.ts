import { validationError } from '@orbitmesh/contracts';

/** Names by which tokens are sent in URLs elsewhere, and what ours look like. */
const BY_NAME = /[?&](?:access_token|token|api_key|bearer)=/i;
const BY_LOOK = /om[dau]_[A-Za-z0-9_-]{43}/;

export function isTokenInUrl(url = ''): boolean {
  return BY_NAME.test(url) || BY_LOOK.test(url);
}

/**
 * URLs are logged, by us or by what stands before us, and kept by browsers: a token is not looked at there, and its sender hears why.
 * @throws VALIDATION_FAILED
 */
export function refuseTokenInUrl(url = ''): void {
  if (!isTokenInUrl(url)) return;
  const detail = 'A token is not taken from a URL, and is best replaced now that it was in one. Send it as Authorization: Bearer; a browser\'s WebSocket or event stream takes ?ticket= of POST /api/tickets.';
  throw validationError([{ pointer: '', detail }], 'query');
}
