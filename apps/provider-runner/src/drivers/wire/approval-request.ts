import type { ApprovalOption, RunFact } from '@orbitmesh/domain';
import { short, type Fields } from './fields.js';
import { APPROVAL_TOOL_CALL_BYTES_MAX } from './wire.limits.js';

/** An agent's question as a fact: the tool call whole where it is small, else without what makes it large, and saying so. */
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
