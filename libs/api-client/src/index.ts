export * from './api-client.js';
export * from './call.js';
export * from './errors.js';
export * from './feed.js';
export * from './generated/operations.js';
export * from './limits.js';
export * from './transport.js';
