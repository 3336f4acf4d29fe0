import type { ApprovalOption } from '@orbitmesh/domain';
import { fields, list, short, text, type Fields } from '../wire/fields.js';
import { APPROVAL_OPTIONS_MAX } from '../wire/wire.limits.js';
import { DECISION_CHARACTERS_MAX } from './codex.limits.js';
import { commandTitle } from './codex-items.js';
import type { CodexState, OpenApproval } from './codex-state.js';

/** A question somebody can answer: what it is about, and what each option sends back. */
export interface Question extends Pick<OpenApproval, 'results' | 'cancelled' | 'refusals'> {
  toolCall: Fields;
  options: ApprovalOption[];
}
/** What is answered at once, because nobody here can do better; `why` is for people. */
export interface Settled { result: unknown; why: string }

type Choice = ApprovalOption & { result: unknown };
const allow = (optionId: string, name: string, result: unknown): Choice => ({ optionId, name, kind: 'allow_once', result });
const always = (optionId: string, name: string, result: unknown): Choice => ({ optionId, name, kind: 'allow_always', result });
/** Codex lets the turn go on after `decline`, and ends it after `cancel`. */
const refuse = (result: unknown): Choice => ({ optionId: 'decline', name: 'Deny', kind: 'reject_once', result });
const cancel = (result: unknown): Choice => ({ optionId: 'cancel', name: 'Deny, and end the turn', kind: 'reject_once', result });

/** A request of codex as a question. Undefined: none that this driver offers. */
export function questionOf(method: string, params: Fields, state: CodexState): Question | Settled | undefined {
  switch (method) {
    case 'item/commandExecution/requestApproval': return commandQuestion(params);
    case 'item/fileChange/requestApproval': return editQuestion(params, state);
    case 'item/permissions/requestApproval': return permissionsQuestion(params);
    case 'mcpServer/elicitation/request': return elicitationQuestion(params, state);
    case 'item/tool/requestUserInput': return { result: { answers: {} }, why: `Codex asked, and nobody answers in the middle of a turn: ${questionsIn(params)}` };
    default: return undefined;
  }
}

function question(toolCall: Fields, choices: Choice[], cancelled: unknown): Question {
  // The two refusals come last and must not fall victim to the bound.
  const refusals = choices.filter(({ kind }) => kind === 'reject_once');
  const fitting = choices.filter(({ kind, result }) => kind !== 'reject_once' && JSON.stringify(result).length <= DECISION_CHARACTERS_MAX);
  const offered = [...fitting.slice(0, APPROVAL_OPTIONS_MAX - refusals.length), ...refusals];
  return {
    toolCall, cancelled, refusals: ['decline'],
    options: offered.map(({ optionId, name, kind }) => ({ optionId, name, kind })),
    results: Object.fromEntries(offered.map(({ optionId, result }) => [optionId, result])),
  };
}

function commandQuestion(params: Fields): Question {
  const { command, cwd, reason, itemId, networkApprovalContext } = params;
  const host = text(fields(networkApprovalContext).host);
  const title = host ? `Connect to ${short(host)}` : commandTitle(params);
  const toolCall = { toolCallId: short(itemId), title, kind: 'execute', rawInput: { command, cwd }, ...(text(reason) ? { reason: short(reason) } : {}) };
  const available = Array.isArray(params.availableDecisions) ? params.availableDecisions : ['accept', 'acceptForSession', 'decline', 'cancel'];
  return question(toolCall, [...available.flatMap(decisionChoice), refuse({ decision: 'decline' }), cancel({ decision: 'cancel' })], { decision: 'cancel' });
}

/** One of `availableDecisions` that allows; the two that refuse are always there, whether codex names them or not. */
function decisionChoice(decision: unknown): Choice[] {
  const result = { decision };
  if (decision === 'accept') return [allow('accept', 'Allow once', result)];
  if (decision === 'acceptForSession') return [always('acceptForSession', 'Allow for this session', result)];
  const { acceptWithExecpolicyAmendment, applyNetworkPolicyAmendment } = fields(decision);
  if (acceptWithExecpolicyAmendment) {
    const prefix = list(fields(acceptWithExecpolicyAmendment).execpolicy_amendment).map(short).join(' ');
    return prefix ? [always('acceptWithExecpolicyAmendment', short(`Always allow commands that begin with: ${prefix}`), result)] : [];
  }
  const { host, action } = fields(fields(applyNetworkPolicyAmendment).network_policy_amendment);
  return action === 'allow' ? [always(short(`network:${short(host)}`), short(`Always allow connections to ${short(host)}`), result)] : [];
}

function editQuestion({ itemId, reason, grantRoot }: Fields, { toolCalls, edit }: CodexState): Question {
  const id = short(itemId);
  const toolCall = {
    toolCallId: id, title: toolCalls[id]?.title ?? 'Edit files', kind: 'edit', ...(edit?.itemId === id ? { content: edit.content } : {}),
    ...(text(reason) ? { reason: short(reason) } : {}), ...(text(grantRoot) ? { grantRoot: short(grantRoot) } : {}),
  };
  return question(toolCall, [
    allow('accept', 'Allow once', { decision: 'accept' }), always('acceptForSession', 'Allow edits of these files for this session', { decision: 'acceptForSession' }),
    refuse({ decision: 'decline' }), cancel({ decision: 'cancel' }),
  ], { decision: 'cancel' });
}

function permissionsQuestion({ itemId, reason, permissions, cwd }: Fields): Question {
  const asked = fields(permissions);
  const granted = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== null));
  const toolCall = { toolCallId: short(itemId), title: short(reason) || 'More permissions', kind: 'other', rawInput: { permissions: asked, cwd } };
  const nothing = { permissions: {}, scope: 'turn' };
  return question(toolCall, [
    allow('accept', 'Allow for this turn', { permissions: granted, scope: 'turn' }), always('acceptForSession', 'Allow for this session', { permissions: granted, scope: 'session' }),
    refuse(nothing),
  ], nothing);
}

/** An MCP server asks; codex itself asks in this way whether a tool of one may be called. A form that wants values cannot be filled in by anybody here. */
function elicitationQuestion(params: Fields, { toolCalls }: CodexState): Question | Settled {
  const meta = fields(params._meta);
  const wanted = Object.keys(fields(fields(params.requestedSchema).properties));
  const answer = (action: string, more: Fields = {}) => ({ action, content: action === 'accept' ? {} : null, _meta: null, ...more });
  if (params.mode !== 'form' || wanted.length) {
    return { result: answer('decline'), why: `The MCP server ${short(params.serverName)} asked for something that nobody can give it here: ${short(params.message)}` };
  }
  const name = `${short(params.serverName)}.${short(meta.tool_name)}`;
  const toolCallId = Object.entries(toolCalls).findLast(([, { title }]) => title === name)?.[0];
  const toolCall = { ...(toolCallId ? { toolCallId } : {}), title: short(params.message), kind: 'other', ...(meta.tool_params === undefined ? {} : { rawInput: meta.tool_params }) };
  const forSession = list(meta.persist).includes('session') ? [always('acceptForSession', 'Allow this tool for this session', answer('accept', { _meta: { persist: 'session' } }))] : [];
  return question(toolCall, [allow('accept', 'Allow once', answer('accept')), ...forSession, refuse(answer('decline')), cancel(answer('cancel'))], answer('cancel'));
}

function questionsIn({ questions }: Fields): string {
  return short(list(questions).map((one) => short(fields(one).question)).join(' / '));
}
