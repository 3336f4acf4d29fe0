/*
 * What a client needs of the contracts when it runs: no class that validates, and so no validator, whose start costs a client
 * more than all else it does. Types come from the whole.
 */
export * from './rpc/limits.js';
export * from './http/limits.js';
export * from './http/checks.js';
export * from './http/token.js';
export * from './http/http-status.js';
export * from './http/live.js';
export * from './http/event-filter.js';
export * from './http/webhook.bodies.js';
