import 'reflect-metadata';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { IsIn, IsInt, IsIP, IsNotEmpty, IsOptional, IsString, Matches, Max, Min, validateSync } from 'class-validator';
import { plainToInstance, Transform } from 'class-transformer';
import { AppError } from '@orbitmesh/domain';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * What every service is configured with. A service extends it; each property `someName` is read from
 * `ORBITMESH_SOME_NAME`, its initial value is the default. Nothing else reads `process.env`.
 */
export class ServiceConfig {
  /** Where all services of an installation keep their state. */
  @Transform(({ value }) => (typeof value === 'string' ? resolve(value) : value))
  @IsString() @IsNotEmpty()
  home: string = join(homedir(), '.orbitmesh');

  /** Which directory that is, as its launcher found it: one that was moved away meanwhile is not made anew under its old name. */
  @IsOptional() @IsString()
  homePlace?: string = undefined;

  /** Whose service this is, `in_…`: a home without an identity takes this one instead of making one. For a machine that has only runners; the others are one installation by their home. */
  @IsOptional() @Matches(/^in_[0-9a-z]{1,40}$/)
  installationId?: string = undefined;

  /** `nats://[user:password@]host:port`; may hold a password, so it is never logged. */
  @IsString() @IsNotEmpty()
  natsUrl!: string;

  /** A directory with this service's NATS password in a file by its name; the name is the user. Unset: what the URL has. */
  @IsOptional() @IsString()
  natsPasswords?: string = undefined;

  /** A file that is there, and new, while the service is well: for whoever supervises it without being its parent. */
  @IsOptional() @IsString()
  readyFile?: string = undefined;

  /** A port for this service's own `GET /metrics`, which asks for no token. Unset: none; the gateway's `/metrics` has those of all. */
  @IsOptional() @EnvNumber() @IsInt() @Min(0) @Max(65_535)
  metricsPort?: number = undefined;

  /** The address that it listens on. */
  @IsIP()
  metricsHost: string = '127.0.0.1';

  /** How often its launcher has started it again after it died. */
  @IsOptional() @EnvNumber() @IsInt() @Min(0)
  restarts?: number = undefined;

  @IsIn(LOG_LEVELS)
  logLevel: LogLevel = 'info';
}

/** A number in the environment. Anything that is not one stays text, for `@IsInt()` and the like to refuse. */
export function EnvNumber(): PropertyDecorator {
  return Transform(({ value }) => (typeof value === 'string' && Number.isFinite(Number(value)) ? Number(value) : value));
}

/** Yes or no in the environment: `1` or `true`, `0` or `false`. Anything else stays text, for `@IsBoolean()` to refuse. */
export function EnvFlag(): PropertyDecorator {
  const values: Readonly<Record<string, boolean>> = { 1: true, true: true, 0: false, false: false };
  return Transform(({ value }) => values[String(value)] ?? value);
}

/** A list in the environment; empty elements fall out. */
export function EnvList(separator: ',' | ':'): PropertyDecorator {
  return Transform(({ value }) => (typeof value === 'string' ? value.split(separator).map((s) => s.trim()).filter((s) => s !== '') : value));
}

/** `someName` → `ORBITMESH_SOME_NAME`. */
export function envNameOf(property: string): string {
  return `ORBITMESH_${property.replace(/[A-Z]/g, (c) => `_${c}`).toUpperCase()}`;
}

/**
 * Reads, converts and validates; an empty variable counts as unset. The result is frozen.
 * @throws CONFIG_INVALID naming every bad variable, never a value.
 */
export function loadConfig<C extends object>(configClass: new () => C, env: NodeJS.ProcessEnv): Readonly<C> {
  const given: Record<string, string> = {};
  for (const property of Object.keys(new configClass())) {
    const value = env[envNameOf(property)];
    if (value !== undefined && value !== '') given[property] = value;
  }
  const config = plainToInstance(configClass, given, { exposeDefaultValues: true });
  const problems = validateSync(config, { forbidUnknownValues: false }).map((e) => ({
    variable: envNameOf(e.property),
    problems: Object.values(e.constraints ?? { invalid: 'is not valid' }).map((text) => text.replaceAll(e.property, envNameOf(e.property))),
  }));
  if (problems.length > 0) {
    throw new AppError('CONFIG_INVALID', problems.flatMap((p) => p.problems).join('; '), { variables: problems });
  }
  return Object.freeze(config);
}
