export * from './conformance.js';
export * from './conforming-driver.js';
export * from './runner-world.js';
export * from './scripted-session.js';
