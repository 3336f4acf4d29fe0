export * from './bus.js';
export type { BusLog, BusOptions, Login } from './connection.js';
export * from './limits.js';
export * from './messaging.module.js';
export * from './permissions.js';
export * from './subjects.js';
