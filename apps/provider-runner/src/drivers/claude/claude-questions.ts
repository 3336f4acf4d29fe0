import type { ApprovalOption } from '@orbitmesh/domain';
import type { DriverFact } from '../driver.js';
import { approvalRequested } from '../wire/approval-request.js';
import { fields, list, short, text, type Fields } from '../wire/fields.js';
import { SUGGESTIONS_BYTES_MAX } from './claude.limits.js';
import type { OpenApproval } from './claude-state.js';
import { describeToolUse } from './claude-tools.js';

/** A question of the agent (`can_use_tool`), as it is kept and as it is asked. */
export function questionOf(approvalId: string, requestId: string, request: Fields, workingDir: string): { approval: OpenApproval; fact: DriverFact } {
  const toolCallId = short(request.tool_use_id);
  const described = describeToolUse({ id: toolCallId, name: short(request.tool_name), input: fields(request.input) }, workingDir);
  const always = rulesOf(request);
  const reason = short(request.decision_reason);
  const toolCall = { toolCallId, ...described, status: 'pending', ...(reason ? { reason } : {}) };
  return { approval: { approvalId, requestId, toolCallId, always }, fact: approvalRequested(approvalId, toolCall, optionsOf(always)) };
}

function optionsOf(always: Fields[]): ApprovalOption[] {
  return [
    { optionId: 'allow', name: 'Allow', kind: 'allow_once' },
    ...(always.length ? [{ optionId: 'allow_always', name: short(`Allow, and for the rest of this session: ${always.map(nameOfRule).join(', ')}`), kind: 'allow_always' as const }] : []),
    { optionId: 'deny', name: 'Deny', kind: 'reject_once' },
  ];
}

function rulesOf({ permission_suggestions }: Fields): Fields[] {
  const rules = list(permission_suggestions).map(fields).filter(({ type }) => typeof type === 'string');
  return Buffer.byteLength(JSON.stringify(rules)) <= SUGGESTIONS_BYTES_MAX ? rules : [];
}

/** For people. */
function nameOfRule(rule: Fields): string {
  switch (rule.type) {
    case 'addRules':
      return list(rule.rules).map(fields).map(({ toolName, ruleContent }) => (text(ruleContent) ? `${short(toolName)}(${short(ruleContent)})` : short(toolName))).join(', ');
    case 'setMode':
      return rule.mode === 'acceptEdits' ? 'every edit' : `the mode ${short(rule.mode)}`;
    case 'addDirectories':
      return `work in ${list(rule.directories).map(short).join(', ')}`;
    default:
      return short(rule.type);
  }
}
