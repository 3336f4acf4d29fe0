import { AppError } from '@orbitmesh/domain';
import type { Logger } from './logger.js';
import { LOCK_LOOK_MS, SHUTDOWN_MS_MAX } from './limits.js';

/** Exit codes of a service; a supervisor need not read logs to know what to do. */
export const EXIT = { ok: 0, failed: 1, locked: 75, config: 78 } as const;

/** child → parent, over the IPC channel of `child_process` (there need not be one). */
export type ServiceMessage =
  | { type: 'ready'; [info: string]: unknown }
  | { type: 'state'; ready: boolean }
  | { type: 'failed'; code: string; message: string };
/** parent → child. */
export interface ShutdownMessage { type: 'shutdown'; keepAgents?: boolean }

/**
 * The life of a service's process: SIGTERM, SIGINT and the parent's `shutdown` end it in order, exit code 0; a closed IPC channel means
 * that the launcher died, and ends it at once, as a crash would (agents stay). A second wish to stop changes nothing.
 */
export class Lifecycle {
  private stop: (() => Promise<void>) | undefined;
  private asked = false;
  private leaveAgents = false;
  private exitCode: number = EXIT.ok;

  constructor(private readonly logger: Logger) {}

  /** True from the wish to stop on. */
  get stopping(): boolean {
    return this.asked;
  }

  /** True when the wish to stop says that agents are to be left running. Read it in `onModuleDestroy`. */
  get keepAgents(): boolean {
    return this.leaveAgents;
  }

  /** Listens from now on; until `onStop` is given, a wish to stop ends the process at once. */
  attach(): void {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void this.shutdown(signal));
    process.on('message', (message: unknown) => {
      if (!isShutdown(message)) return;
      void this.shutdown('parent', message.keepAgents === true);
    });
    process.on('disconnect', () => {
      this.logger.warn('parent is gone');
      process.exit(EXIT.failed);
    });
    process.on('uncaughtException', (err) => this.crash(err));
    process.on('unhandledRejection', (err) => this.crash(err));
  }

  onStop(stop: () => Promise<void>): void {
    this.stop = stop;
  }

  /** Tells the parent, if there is one; resolves when the message is on its way (or the parent gone: that ends us by itself). */
  async tell(message: ServiceMessage): Promise<void> {
    if (!process.send || !process.connected) return;
    await new Promise<void>((resolve) => process.send?.(message, undefined, undefined, () => resolve()));
  }

  /** Something was to be done before the end, and could not be: the process still ends in order, and its exit code says that not all is well. */
  leaveUndone(what: string, fields: Record<string, unknown>): void {
    this.logger.error(fields, what);
    this.exitCode = EXIT.failed;
  }

  /** Ends the process in order. */
  async shutdown(cause: string, keepAgents = false): Promise<void> {
    if (this.asked) return;
    this.asked = true;
    this.leaveAgents = keepAgents;
    this.logger.info({ cause, keepAgents }, 'stopping');
    setTimeout(() => {
      this.logger.error('stopping took too long');
      process.exit(EXIT.failed);
    }, SHUTDOWN_MS_MAX).unref();
    try {
      await this.stop?.();
    } catch (err) {
      this.logger.error({ err }, 'stopping failed');
      process.exit(EXIT.failed);
    }
    this.logger.info('stopped');
    process.exit(this.exitCode);
  }

  /** Leaves when the lock of a directory was taken away: another process may have it by now, and only a start finds that out. */
  leaveWithout(directory: string, isHeld: () => boolean): void {
    const look = setInterval(() => {
      if (this.asked || isHeld()) return;
      clearInterval(look);
      this.crash(new AppError('STORAGE_LOCKED', `The lock of ${directory} was taken away.`));
    }, LOCK_LOOK_MS);
    look.unref();
  }

  /** Nobody knows what state we are in: end at once and be started again; everything acknowledged is on disk. */
  crash(err: unknown): void {
    this.logger.fatal({ err }, 'crashed');
    process.exit(EXIT.failed);
  }
}

function isShutdown(message: unknown): message is ShutdownMessage {
  return typeof message === 'object' && message !== null && (message as { type?: unknown }).type === 'shutdown';
}
