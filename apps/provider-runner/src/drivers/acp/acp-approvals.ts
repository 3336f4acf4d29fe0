import type { ApprovalOption, RunFact } from '@orbitmesh/domain';
import { APPROVAL_OPTIONS_MAX, APPROVAL_TOOL_CALL_BYTES_MAX } from './acp.limits.js';
import { fields, list, short, text, type Fields } from '../wire/fields.js';

const OPTION_KINDS = ['allow_once', 'allow_always', 'reject_once', 'reject_always'] as const;

/** The options a person can choose from; one whose id or kind cannot be understood is not offered. */
export function approvalOptionsOf(params: Fields): ApprovalOption[] {
  return list(params.options).map(fields).flatMap((option) => {
    const optionId = text(option.optionId);
    const kind = OPTION_KINDS.find((name) => name === option.kind);
    return optionId && kind ? [{ optionId, name: short(option.name) || optionId, kind }] : [];
  }).slice(0, APPROVAL_OPTIONS_MAX);
}

/** The question as a fact: the tool call whole where it is small, else without what makes it large, and saying so. */
export function approvalRequested(approvalId: string, toolCall: Fields, options: ApprovalOption[]): Extract<RunFact, { type: 'approval_requested' }> {
  const title = short(toolCall.title) || short(toolCall.kind) || 'The agent asks for permission';
  return { type: 'approval_requested', approvalId, title, toolCall: boundedToolCall(toolCall), options };
}

function boundedToolCall(toolCall: Fields): Fields {
  if (Buffer.byteLength(JSON.stringify(toolCall)) <= APPROVAL_TOOL_CALL_BYTES_MAX) return toolCall;
  const { toolCallId, title, kind, status } = toolCall;
  const kept = { toolCallId: short(toolCallId), title: short(title), kind: short(kind), status: short(status) };
  return { ...kept, omitted: Object.keys(toolCall).filter((key) => !(key in kept)).slice(0, 16).map(short) };
}
