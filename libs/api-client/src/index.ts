export * from './api-client.js';
export * from './errors.js';
export * from './feed.js';
export * from './limits.js';
export * from './transport.js';
export * from './webhooks.js';
