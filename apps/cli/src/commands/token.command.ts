import { ApiError, type ApiClient } from '@orbitmesh/api-client';
import type { MadeToken, Token, TokenScope } from '@orbitmesh/contracts';
import { ADMIN_TOKEN_ID, TOKEN_SCOPES } from '@orbitmesh/contracts/wire';
import { adminToken } from '../connection.js';
import type { Context } from '../context.js';
import { timeText, type Columns } from '../document-text.js';
import { momentAhead } from '../options.js';
import type { Register } from '../site.js';
import { confirm } from '../text-input.js';

const COLUMNS: Columns<Token> = [
  ['TOKEN', (one) => one.id], ['MAY', (one) => one.scopes], ['MADE', (one) => timeText(one.createdAt)], ['ENDS', (one) => (one.expiresAt ? timeText(one.expiresAt) : 'when revoked')], ['NAME', (one) => one.name],
];
const TOKEN = ['<token>', 'its id, tok_…'] as const;

export const registerToken: Register = (program) => {
  const token = program.noun('token', "print the owner's token of this home; make, list, revoke and rotate tokens", async (context) => {
    const own = await adminToken(context.terminal.env);
    context.printer.result({ token: own }, () => own);
  });
  token.change<MadeToken, { scope?: TokenScope[]; expires?: string }>({
    name: 'create', about: 'make a token for a person or a program; it is printed once, and not kept',
    args: [['<name>', 'whose it is, or what for']],
    options: [['--scope <scope>', 'what it may: read, write; may be repeated (default: read and write)', { each: TOKEN_SCOPES }], ['--expires <when>', 'when it ends: 12h, 30d, or a date (default: when it is revoked)', momentAhead]],
    send: ({ client, call: { args: [name], options: { scope, expires } } }, options) => client.createToken({ name, ...(scope && { scopes: scope }), ...(expires && { expiresAt: expires }) }, options),
    text: told,
  });
  token.list<Token>({
    about: 'list tokens, without what they are', columns: COLUMNS, none: "There are none beside the owner's.",
    items: async function* ({ client }) { yield* (await client.tokens()).items; },
  });
  token.add<{ yes?: boolean }>({
    name: 'revoke', about: 'make a token worthless, and close what was opened with it', args: [TOKEN], options: [['-y, --yes', 'do not ask (it asks on a terminal only)']],
  }, async (context, { args: [id], options }) => {
    await confirm(context, `Revoke ${id}?`, options);
    await (await context.client()).revokeToken(id);
    context.printer.result({ id, revoked: true }, () => `${id}: revoked`);
  });
  token.add({
    name: 'rotate', about: "replace a token by a new one; the old one is worthless at once", args: [['<token>', `its id, tok_…; ${ADMIN_TOKEN_ID}: the owner's`]],
  }, async (context, { args: [id] }) => {
    const made = await (id === ADMIN_TOKEN_ID ? rotateAdmin : rotate)(context, id);
    context.printer.result(made, () => told(made, context));
  });
};

async function rotate({ client }: Pick<Context, 'client'>, id: string): Promise<MadeToken> {
  return (await (await client()).rotateToken(id)).body;
}

/** Where the answer was lost, a repeat comes with a token that is worthless by now; the new one is in the owner's file. */
async function rotateAdmin(context: Context, id: string): Promise<MadeToken> {
  const { env } = context.terminal;
  const before = env['ORBITMESH_TOKEN'] ? null : await adminToken(env);
  const client: ApiClient = await context.client();
  try {
    return await rotate({ client: () => Promise.resolve(client) }, id);
  } catch (error) {
    const after = before !== null && error instanceof ApiError && error.code === 'UNAUTHENTICATED' ? await adminToken(env) : before;
    if (after === null || after === before) throw error;
    return { id, name: id, scopes: [...TOKEN_SCOPES], createdAt: new Date().toISOString(), expiresAt: null, token: after };
  }
}

/** The token alone, for `TOKEN=$(…)`; all else beside it. */
function told({ id, token }: MadeToken, { printer }: Context): string {
  printer.note(id === ADMIN_TOKEN_ID ? "This is the owner's token from now on; the one before is worthless." : `${id}: it is not shown again.`);
  return token;
}
