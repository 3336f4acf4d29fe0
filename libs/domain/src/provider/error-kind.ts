/** What kind of trouble an error is, whichever agent said it. */
export const ERROR_KINDS = ['auth', 'rate_limit', 'overloaded', 'bad_request', 'aborted', 'crashed'] as const;
export type ErrorKind = (typeof ERROR_KINDS)[number];

const KINDS: Readonly<Record<string, ErrorKind>> = {
  auth_required: 'auth',
  rate_limit: 'rate_limit',
  usage_limit: 'rate_limit',
  overloaded: 'overloaded',
  bad_request: 'bad_request',
  token_limit: 'bad_request',
  cancelled: 'aborted',
  agent_crash: 'crashed',
  agent_exit: 'crashed',
};

/** Undefined for a code that is none of these (an error of our own, or one that an agent did not explain). */
export function errorKindOf(code: string): ErrorKind | undefined {
  return Object.hasOwn(KINDS, code) ? KINDS[code] : undefined;
}
