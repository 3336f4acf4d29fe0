export * from './rpc/rpc.js';
export * from './rpc/limits.js';
export * from './rpc/session.contract.js';
export * from './rpc/runner.contract.js';
export * from './rpc/notifier.contract.js';
export * from './rpc/topics.js';
export * from './http/bodies.js';
export * from './http/http-status.js';
