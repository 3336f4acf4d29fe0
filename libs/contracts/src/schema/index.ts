export * from './schemas.js';
export * from './schema-tools.js';
export * from './type-text.js';
export * from './event-schemas.js';
export * from './payload-schemas.js';
