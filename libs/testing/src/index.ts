export * from './eventually.js';
export * from './model-stand-in/gemini-cli.js';
export * from './model-stand-in/gemini-stand-in.js';
export * from './model-stand-in/scenario.js';
export * from './nats.js';
export * from './processes.js';
export * from './stack.js';
