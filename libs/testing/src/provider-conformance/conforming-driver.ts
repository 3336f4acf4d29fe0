import type { Manifest, ProviderEntry } from '@orbitmesh/domain';

/** What a driver's author gives: an agent behind the driver, and what makes it do these things. */
export interface ConformingDriver {
  /** The compiled main module of the runner that has the driver in its registry. */
  runnerMain: string;
  /** `providers.json`. */
  providers: Record<string, ProviderEntry>;
  /** The entry under test, one of `providers`; the suite adds the same one with `custom.freeze` beside it. */
  provider: string;
  /** How it outlives its runner is tested in one case, and in all of them in `npm run test:faults`: others have them in every run. */
  brief?: boolean;
  /** Says `numbered 1/60` … `numbered 60/60`, a line each and about 10 ms apart, in its first turn; then it is there for input. */
  counting: Partial<Manifest>;
  /** Ignores SIGTERM and the end of its stdin, starts a child that leaves its process group and its tree, and says `escaped`. */
  stubborn: Partial<Manifest>;
  /** Ends by itself with exit code 5. */
  exits: Partial<Manifest>;
  /** With `capabilities.input`: the input that is answered with exactly this text, on any of its agents above that is there for input. */
  saying?: (text: string) => string;
  /** With `capabilities.approvals`: asks for one permission in its first turn, says what came of the answer, and is then there for input. */
  asking?: { manifest: Partial<Manifest>; allowed: RegExp; denied: RegExp };
  /** With `capabilities.continue`: goes on with the conversation of `counting`, and says by this that it remembers it. */
  continuing?: { manifest: Partial<Manifest>; remembers: RegExp };
}

/** What a capability makes necessary. @throws when the author has not given it */
export function given<T>(behaviour: T | undefined, name: keyof ConformingDriver): T {
  if (behaviour === undefined) throw new Error(`The driver's capabilities promise more than the suite was given: ${name} is missing.`);
  return behaviour;
}
