import type { LoggerService } from '@nestjs/common';
import { destination, pino, stdTimeFunctions, type Logger } from 'pino';
import type { LogLevel } from './service.config.js';

export type { Logger } from 'pino';
/** Injection token of the service's pino logger: `@Inject(LOGGER) private readonly logger: Logger`. */
export const LOGGER = Symbol('orbitmesh.logger');

const SECRET_KEYS = ['token', 'password', 'secret', 'secrets', 'authorization', 'cookie', 'apiKey', 'key', 'natsUrl', 'environment', 'env'];
/** Removed wherever they stand at the top of a log line or one level below it. Agent output and environment values are never handed to a logger in the first place. */
export const REDACTED_PATHS = SECRET_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]);

/** JSON lines on stdout, written at once, so that nothing is lost in an exit. Messages are constant; what varies goes into fields. */
export function createLogger(options: { service: string; level?: LogLevel; fd?: number }): Logger {
  const out = destination({ fd: options.fd ?? 1, sync: true });
  // The reader of our stdout (the launcher) may die first; that must not become our uncaught exception.
  out.on('error', () => undefined);
  return pino({
    level: options.level ?? 'info',
    base: { service: options.service, pid: process.pid },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
  }, out);
}

/** Says each damage of a store; `unsaid`: how many others there were that it did not say. */
export function damageLog(logger: Logger): (damage: { file: string; reason: string }, unsaid: number) => void {
  return ({ file, reason }, unsaid) => logger.warn({ file, reason, ...(unsaid > 0 && { unsaid }) }, 'damage found in the store');
}

/** Nest's own chatter, at debug; its warnings and errors as they are. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...rest: unknown[]): void { this.logger.debug(fieldsOf(message, rest), 'nest'); }
  debug(message: unknown, ...rest: unknown[]): void { this.logger.trace(fieldsOf(message, rest), 'nest'); }
  verbose(message: unknown, ...rest: unknown[]): void { this.logger.trace(fieldsOf(message, rest), 'nest'); }
  warn(message: unknown, ...rest: unknown[]): void { this.logger.warn(fieldsOf(message, rest), 'nest warning'); }
  error(message: unknown, ...rest: unknown[]): void { this.logger.error(fieldsOf(message, rest), 'nest error'); }
  fatal(message: unknown, ...rest: unknown[]): void { this.logger.fatal(fieldsOf(message, rest), 'nest error'); }
}

/** Nest passes (message, ...more, context) with a stack in between for errors. */
function fieldsOf(message: unknown, rest: unknown[]): object {
  const context = rest.at(-1);
  return {
    ...(message instanceof Error ? { err: message } : { nest: message }),
    ...(typeof context === 'string' && { context }),
    ...(rest.length > 1 && { more: rest.slice(0, -1) }),
  };
}
