export * from './eventually.js';
export * from './nats.js';
export * from './processes.js';
export * from './stack.js';
