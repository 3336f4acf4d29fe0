import { adminToken } from '../connection.js';
import type { Context, Register } from '../context.js';

export const registerToken: Register = (program, run) => {
  program.command('token').description("print the owner's token of this home").action(run(async (context: Context) => {
    const token = await adminToken(context.terminal.env);
    context.printer.result({ token }, () => token);
  }));
};
