export * from './bus.js';
export type { BusLog, BusOptions } from './connection.js';
export * from './limits.js';
export * from './messaging.module.js';
export * from './subjects.js';
