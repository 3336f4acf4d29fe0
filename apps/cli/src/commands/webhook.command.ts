import { DELIVERY_STATES, type Delivery, type DeliveryState, type Webhook } from '@orbitmesh/api-client';
import { WEBHOOK_TYPES, type WebhookType } from '@orbitmesh/contracts/wire';
import { timeText, type Columns, type Fields } from '../document-text.js';
import { orNull, type OptionRow } from '../options.js';
import type { Register, Site } from '../site.js';
import { cliNameOf } from '../terminal.js';
import { given } from './project.command.js';

const COLUMNS: Columns<Webhook> = [
  ['WEBHOOK', (one) => one.id], ['ACTIVE', (one) => (one.active ? 'yes' : 'no')], ['OF', (one) => one.projectId ?? 'all projects'], ['TYPES', (one) => one.types], ['NAME', (one) => one.name], ['URL', (one) => one.url],
];
const FIELDS: Fields<Webhook> = [
  ['webhook', (one) => one.id], ['name', (one) => one.name], ['url', (one) => one.url], ['active', (one) => (one.active ? 'yes' : 'no')], ['of', (one) => one.projectId ?? 'all projects'], ['types', (one) => one.types],
  ['secret', (one) => `version ${one.secretVersion}`], ['last delivery', (one) => one.lastDelivery && `${one.lastDelivery.state} ${timeText(one.lastDelivery.at)}${one.lastDelivery.error ? `: ${one.lastDelivery.error}` : ''}`], ['created', (one) => timeText(one.createdAt)], ['updated', (one) => timeText(one.updatedAt)], ['revision', (one) => one.revision],
];
const DELIVERY_COLUMNS: Columns<Delivery> = [
  ['DELIVERY', (one) => one.id], ['STATE', (one) => (one.parkedReason ? `${one.state}: ${one.parkedReason}` : one.state)], ['AT', (one) => timeText(one.createdAt)], ['TYPE', (one) => one.payload?.type], ['ATTEMPTS', (one) => one.attempts],
  ['LAST', (one) => (one.lastAttemptAt ? one.lastError ?? `HTTP ${one.lastStatus}` : '')], ['NEXT', (one) => timeText(one.nextAttemptAt)],
];
const WEBHOOK = [['<webhook>', 'its id']] as const;

interface WebhookOptions { url?: string; name?: string; type?: WebhookType[]; project?: string; active?: boolean; inactive?: boolean }
const TYPES: OptionRow = ['--type <type>', 'what it is told of; may be repeated (default: all)', { each: WEBHOOK_TYPES }];

export const registerWebhook: Register = (program) => {
  const webhook = program.noun('webhook', 'a URL that is told of notifications, signed and at least once');
  webhook.change<Webhook, WebhookOptions>({
    name: 'create', about: 'make a webhook; prints its id. Its secret: webhook secret', args: [['<url>', 'where to']],
    options: [['--name <name>', 'what to call it'], TYPES, ['-p, --project <project>', 'only of this project (default: of all)'], ['--inactive', 'it is told of nothing yet']],
    send: ({ client, call: { args: [url], options } }, how) => client.createWebhook({ url, ...bodyOf(options) }, how),
  });
  webhook.list<Webhook>({ about: 'list the webhooks', page: ({ client }, query) => client.webhooks(query), columns: COLUMNS, none: 'No webhook.' });
  webhook.show<Webhook>({ about: 'show one webhook', args: WEBHOOK, get: ({ client, call }) => client.webhook(call.args[0]), fields: FIELDS });
  webhook.change<Webhook, WebhookOptions>({
    name: 'update', about: 'change what is given, and nothing else', args: WEBHOOK, revisioned: true,
    options: [['--url <url>', 'where to'], ['--name <name>', 'what to call it'], TYPES, ['-p, --project <project>', 'only of this project; none: of all'], ['--active', 'it is told again'], ['--inactive', 'it is told of nothing more']],
    send: ({ client, call: { args: [id], options } }, how) => client.updateWebhook(id, given({ url: options.url, ...bodyOf(options) }), how), text: (one) => `${one.id}: ${one.active ? 'active' : 'inactive'}, revision ${one.revision}`,
  });
  webhook.remove({ about: 'delete a webhook, and what is still to be delivered', args: WEBHOOK, send: (client, id, how) => client.deleteWebhook(id, how) });
  addSecret(webhook);
  addDeliveries(webhook);
};

function addSecret(webhook: Site): void {
  webhook.add({ name: 'secret', about: 'print the secret that signs what is sent, and nothing else', args: WEBHOOK }, async (context, { args: [id] }) => {
    const found = await (await context.client()).webhookSecret(id);
    context.printer.result(found, () => found.secret);
  });
  webhook.change<Webhook>({
    name: 'rotate-secret', about: 'sign with a new secret from now on', args: WEBHOOK, send: ({ client, call: { args: [id] } }, how) => client.rotateWebhookSecret(id, how),
    text: (one, { terminal }) => `${one.id}: secret version ${one.secretVersion}; ${cliNameOf(terminal.env)} webhook secret ${one.id} prints it`,
  });
}

function addDeliveries(webhook: Site): void {
  webhook.change<Delivery>({ name: 'test', about: 'send a test; prints the id of its delivery', args: WEBHOOK, send: ({ client, call: { args: [id] } }, how) => client.testWebhook(id, how) });
  webhook.list<Delivery, { state?: DeliveryState }>({
    name: 'deliveries', about: 'list what was sent, or is to be', args: WEBHOOK, options: [['--state <state>', 'only in this state; parked: given up after the last try', DELIVERY_STATES]],
    page: ({ client, call: { args: [id], options: { state } } }, query) => client.deliveries(id, { state, ...query }), columns: DELIVERY_COLUMNS, none: 'No delivery.',
  });
  webhook.change<Delivery>({
    name: 'retry', about: 'send one that is parked once more', args: [...WEBHOOK, ['<delivery>', 'which one']],
    send: ({ client, call: { args: [id, delivery] } }, how) => client.retryDelivery(id, delivery, how), text: (one) => `${one.id}: ${one.state}`,
  });
}

function bodyOf({ name, type, project, active, inactive }: WebhookOptions) {
  return { name, types: type, projectId: orNull(project), active: inactive ? false : active };
}
