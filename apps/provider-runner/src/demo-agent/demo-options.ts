/**
 * Scripted behaviour of the demo agent, read from the manifest's `provider.custom.demo`. All keys are
 * optional and can be combined; an unknown key or a wrong value is the answer to `session/new`, by
 * name: the session ends in `start_failed` with it.
 *
 * | key | what it does |
 * | --- | --- |
 * | `steps`, `delayMs` | that many steps of `delayMs` before the work (slow) |
 * | `numbered` | so many output lines `numbered <i>/<n>`, `delayMs` apart: nothing lost, nothing doubled |
 * | `flood` | so many MiB of output, as fast as it goes |
 * | `askInput` | says `needs_input`, ends its turn, and works when the next prompt (the answer) comes |
 * | `fail` | reports `failed` (a string is the message) after its survey, writes nothing |
 * | `crash` | ends in the middle of the turn with exit code 1, or by a signal (`"SIGKILL"`) |
 * | `hang` | never ends its turn, and ignores a cancel |
 * | `exit` | ends by itself with this code after the first turn |
 * | `noReport` | ends its turns without telling the API anything |
 * | `noPermission` | writes the report without asking |
 * | `ignoreTerm` | ignores SIGTERM and the end of stdin |
 * | `escape` | starts a set-sid, double-forked child that lives on, and says its pid |
 */
export interface DemoOptions {
  steps: number;
  delayMs: number;
  numbered: number;
  flood: number;
  askInput: boolean;
  fail: boolean | string;
  crash: boolean | string;
  hang: boolean;
  exit: number | null;
  noReport: boolean;
  noPermission: boolean;
  ignoreTerm: boolean;
  escape: boolean;
}

const DEFAULTS: DemoOptions = {
  steps: 0, delayMs: 0, numbered: 0, flood: 0, askInput: false, fail: false, crash: false, hang: false,
  exit: null, noReport: false, noPermission: false, ignoreTerm: false, escape: false,
};

/** Inclusive bounds of the numbers: what a test may ask for, and no more. */
const NUMBERS: Record<string, [number, number]> = {
  steps: [0, 10_000], delayMs: [0, 600_000], numbered: [0, 1_000_000], flood: [0, 1_024], exit: [0, 255],
};
const BOOLEAN_OR_STRING = ['fail', 'crash'];

/** @throws Error that names the key, when `custom.demo` holds something this agent does not know. */
export function parseDemoOptions(custom: Record<string, unknown>): DemoOptions {
  const demo = custom.demo ?? {};
  if (typeof demo !== 'object' || demo === null || Array.isArray(demo)) throw new Error('custom.demo must be an object');
  for (const [key, value] of Object.entries(demo)) {
    if (!(key in DEFAULTS)) throw new Error(`custom.demo.${key} is unknown; known are ${Object.keys(DEFAULTS).join(', ')}`);
    const bounds = NUMBERS[key];
    const right = bounds
      ? Number.isInteger(value) && value >= bounds[0] && value <= bounds[1]
      : typeof value === 'boolean' || (BOOLEAN_OR_STRING.includes(key) && typeof value === 'string');
    if (!right) throw new Error(`custom.demo.${key} must be ${bounds ? `an integer from ${bounds[0]} to ${bounds[1]}` : 'true or false'}`);
  }
  return { ...DEFAULTS, ...(demo as Partial<DemoOptions>) };
}
