import { TestEnvironment } from 'jest-environment-node';
import { compileOnce } from './compiled-once.mjs';

compileOnce();

/** Only there once it is built; a spec then compiles its own. */
const shared = await import('../../libs/testing/dist/contracts/validators.js').then(({ Validators }) => new Validators(), () => undefined);

/** Node's, with what is made once for all specs that a worker runs, not once for each. */
export default class SpecEnvironment extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    this.global.orbitmeshValidators = shared;
  }
}
