/** The server's own refusal: an RFC 9457 problem. */
export class ApiError extends Error {
  constructor(readonly status: number, readonly code: string, message: string, readonly problem: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.name = 'ApiError';
  }
}

/** No answer from the server at all, in any attempt; `cause` is the last one's failure. */
export class UnreachableError extends Error {
  constructor(readonly url: string, options: ErrorOptions) {
    super(`OrbitMesh does not answer at ${url}.`, options);
    this.name = 'UnreachableError';
  }
}
