import { InvalidArgumentError, Option } from 'commander';

export type Parse = (value: string, before: never) => unknown;
/** An option as it stands in a command's table; the third: how its value is read, or which values there are, of one or of each. */
export type OptionRow = readonly [flags: string, about: string, takes?: Parse | readonly string[] | { each: readonly string[] }];

/** The value that empties a field. */
export const NONE = 'none' as const;

export function optionOf([flags, about, takes]: OptionRow): Option {
  const option = new Option(flags, about);
  if (typeof takes === 'function') return option.argParser(takes as (value: string, before: unknown) => unknown);
  if (!takes) return option;
  if ('each' in takes) return option.choices(takes.each).argParser((value: string, before: string[] = []) => [...before, choiceOf(takes.each, value)]);
  return option.choices(takes).argParser((value: string) => choiceOf(takes, value));
}

/** Takes `needs-input` for needs_input, and the other way round. @throws InvalidArgumentError */
export function choiceOf<T extends string>(choices: readonly T[], value: string): T {
  const found = choices.find((one) => one.replaceAll('-', '_') === value.replaceAll('-', '_'));
  if (found === undefined) throw new InvalidArgumentError(`Allowed choices are ${choices.join(', ')}.`);
  return found;
}

export const append: Parse = (value: string, before: string[] = []) => [...before, value];
/** A list that replaces the one before; `none` alone empties it. */
export const appendOrNone: Parse = (value: string, before: string[] = []) => (value === NONE ? [] : [...before, value]);

/** The value of an option that may empty its field. (Commander makes '' of a null that is parsed.) */
export function orNull<T extends string | number>(value: T | undefined): Exclude<T, typeof NONE> | null | undefined {
  return value === NONE ? null : value as Exclude<T, typeof NONE> | undefined;
}

export const whole: Parse = (value: string) => {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new InvalidArgumentError('It must be a whole number from 1 on.');
  return Number(value);
};

export const seconds: Parse = (value: string) => {
  if (!/^\d{1,6}(\.\d{1,3})?$/.test(value)) throw new InvalidArgumentError('It must be a number of seconds.');
  return Number(value);
};

const HOUR_MS = 3_600_000;
const UNITS: Readonly<Record<string, number>> = { h: HOUR_MS, d: 24 * HOUR_MS };

/** A date, or so long from now: 12h, 30d. */
export const momentAhead: Parse = (value: string) => {
  const [, count, unit] = /^([1-9]\d{0,4})([hd])$/.exec(value) ?? [];
  return count === undefined ? value : new Date(Date.now() + Number(count) * UNITS[unit]).toISOString();
};

export const pair: Parse = (value: string, before: Record<string, string> = {}) => {
  const at = value.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must be NAME=value.');
  return { ...before, [value.slice(0, at)]: value.slice(at + 1) };
};

/** Of a map that replaces the one before; `none` alone empties it. */
export const pairOrNone: Parse = (value: string, before: never) => (value === NONE ? {} : pair(value, before));

/** A whole number from `least` to `most`. */
export const between = (least: number, most: number): Parse => (value: string) => {
  if (!/^-?\d{1,9}$/.test(value) || Number(value) < least || Number(value) > most) throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  return Number(value);
};

/** The same, or `none`. */
export const betweenOrNone = (least: number, most: number): Parse => (value: string, before: never) => (value === NONE ? NONE : between(least, most)(value, before));

export const jsonObject: Parse = (value: string) => {
  try {
    const parsed: unknown = JSON.parse(value);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed;
  } catch {
    // Told below.
  }
  throw new InvalidArgumentError('It must be a JSON object.');
};
