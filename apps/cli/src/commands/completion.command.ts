import { ApiClient } from '@orbitmesh/api-client';
import { connectionOf } from '../connection.js';
import { bashScript } from '../completion/bash-script.js';
import { completionTree, ID_KINDS, type CompletionNode, type IdKind } from '../completion/completion-tree.js';
import { fishScript } from '../completion/fish-script.js';
import { zshScript } from '../completion/zsh-script.js';
import type { Context } from '../context.js';
import { oneLine } from '../document-text.js';
import { COMPLETE_MS_MAX } from '../limits.js';
import { PAGE_ITEMS } from '../pages.js';
import type { Call, Register } from '../site.js';

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } satisfies Record<string, (nodes: readonly CompletionNode[]) => string>;
type Shell = keyof typeof SCRIPTS;

export const registerCompletion: Register = (program) => {
  program.add<object, [Shell]>({
    name: 'completion', about: 'print a script that lets a shell complete commands, options and ids', args: [['<shell>', 'which one', Object.keys(SCRIPTS)]],
    more: 'bash: eval "$(orbitmesh completion bash)" in ~/.bashrc; zsh: the same in ~/.zshrc, after compinit;\nfish: orbitmesh completion fish > ~/.config/fish/completions/orbitmesh.fish',
  }, async ({ printer, terminal }, { args: [shell] }) => {
    const script = SCRIPTS[shell](completionTree(program.command));
    if (printer.json) printer.document({ shell, script });
    else terminal.stdout.write(script);
  });
  program.add<object, [IdKind]>({ name: '__complete', about: 'for the scripts: ids of a kind, with what each is', args: [['<kind>', 'which kind', ID_KINDS]], prints: 'documents', hidden: true }, complete);
};

type Found = readonly [id: string, about: string];
const SOURCES: Readonly<Record<IdKind, (client: ApiClient) => Promise<Found[]>>> = {
  project: async (client) => (await client.projects({ limit: PAGE_ITEMS })).items.map((one) => [one.id, one.name]),
  task: async (client) => (await client.tasks({ limit: PAGE_ITEMS })).items.map((one) => [one.id, `${one.status}: ${one.title}`]),
  member: async (client) => (await client.teamMembers({ limit: PAGE_ITEMS })).items.map((one) => [one.id, one.name]),
  session: async (client) => (await client.sessions({ limit: PAGE_ITEMS })).items.map((one) => [one.id, `${one.state}: ${one.name}`]),
  mail: async (client) => (await client.mails({ limit: PAGE_ITEMS })).items.map((one) => [one.id, `from ${one.fromName}: ${one.subject}`]),
  notification: async (client) => (await client.notifications({ limit: PAGE_ITEMS })).items.map((one) => [one.id, one.data.title]),
  webhook: async (client) => (await client.webhooks({ limit: PAGE_ITEMS })).items.map((one) => [one.id, one.url]),
  token: async (client) => (await client.tokens()).items.map((one) => [one.id, one.name]),
  provider: async (client) => (await client.providers()).items.map((one) => [one.name, one.driver]),
};

/** Whoever presses a key waits for this: whatever goes wrong or takes long, there is just nothing to offer. */
async function complete({ printer, terminal }: Context, { args: [kind] }: Call<object, [IdKind]>): Promise<void> {
  const signal = AbortSignal.any([terminal.signal, AbortSignal.timeout(COMPLETE_MS_MAX)]);
  const found = await connectionOf(terminal.env).then((connection) => SOURCES[kind](new ApiClient({ ...connection, signal }))).catch((): Found[] => []);
  for (const [id, about] of found) printer.result({ id, about: oneLine(about) }, () => `${id}\t${oneLine(about)}`);
}
