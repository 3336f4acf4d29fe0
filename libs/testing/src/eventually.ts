/** Asked again this often: short enough for a test to feel immediate, long enough not to burn a core. */
const POLL_MS = 10;
/** What is waited for long is asked for less often: what asks takes the processor from what it waits for. */
const POLL_MS_MAX = 100;
const POLL_PART_OF_WAIT = 10;
/** @default 10 s: what a slow, shared machine may need; a test that reaches it fails with the last thing it saw. */
const TIMEOUT_MS = 10_000;

/**
 * Waits for a state, never for an edge: asks `probe` until it returns something truthy without throwing, and returns that.
 * @throws after `timeoutMs`, naming `what` and the last error or value.
 */
export async function eventually<T>(probe: () => T | Promise<T>, options: { what?: string; timeoutMs?: number } = {}): Promise<NonNullable<T>> {
  const since = performance.now();
  const until = since + (options.timeoutMs ?? TIMEOUT_MS);
  let last: unknown;
  do {
    try {
      last = await probe();
      if (last) return last as NonNullable<T>;
    } catch (error) {
      last = error;
    }
    const pauseMs = Math.min(POLL_MS_MAX, Math.max(POLL_MS, (performance.now() - since) / POLL_PART_OF_WAIT));
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  } while (performance.now() < until);
  throw new Error(`${options.what ?? 'the expected state'} did not come: ${last instanceof Error ? last.message : JSON.stringify(last)}`, { cause: last });
}
