export * from './bootstrap.js';
export * from './health.registry.js';
export * from './installation.js';
export { EXIT, Lifecycle, type ServiceMessage, type ShutdownMessage } from './lifecycle.js';
export * from './limits.js';
export { createLogger, LOGGER, NestLogger, REDACTED_PATHS, type Logger } from './logger.js';
export * from './metrics.js';
export * from './page.js';
export * from './service.config.js';
