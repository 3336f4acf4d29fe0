import { adminToken } from '../connection.js';
import type { Register } from '../site.js';

export const registerToken: Register = (program) => {
  program.add({ name: 'token', about: "print the owner's token of this home" }, async (context) => {
    const token = await adminToken(context.terminal.env);
    context.printer.result({ token }, () => token);
  });
};
