/**
 * On every answer. Nothing of ours is a page: whatever a browser was made to load of it, it neither runs, frames, guesses the type
 * of nor shows to another site; nothing is kept, since it is somebody's work that is read here.
 */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};
