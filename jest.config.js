import { fileURLToPath } from 'node:url';
import { mappedForSpecs } from './tools/lib/bundle-for-specs.mjs';

export default {
  testEnvironment: fileURLToPath(new URL('./tools/lib/spec-environment.mjs', import.meta.url)),
  // A test waits for a state, not for a time: this only ends one that would hang, also on a busy machine.
  testTimeout: process.env.ORBITMESH_TEST_FAULTS === '1' ? 300_000 : 60_000,
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1', ...mappedForSpecs() },
  // Every file loads its modules anew, and what they leave behind slows the next down.
  workerIdleMemoryLimit: '600MB',
  testSequencer: fileURLToPath(new URL('./tools/lib/processes-first.mjs', import.meta.url)),
  testMatch: ['**/src/**/*.spec.ts'],
  modulePathIgnorePatterns: ['/dist/', '/.cache/'],
  transform: {
    '^.+\\.ts$': ['@swc/jest', {
      jsc: {
        target: 'es2022',
        parser: { syntax: 'typescript', decorators: true },
        transform: { legacyDecorator: true, decoratorMetadata: true },
      },
      module: { type: 'es6' },
      sourceMaps: 'inline',
    }],
  },
};
