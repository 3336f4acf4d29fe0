import type { ApprovalOption } from '@orbitmesh/domain';
import { fields, list, short, text, type Fields } from '../wire/fields.js';
import { APPROVAL_OPTIONS_MAX } from '../wire/wire.limits.js';

const OPTION_KINDS = ['allow_once', 'allow_always', 'reject_once', 'reject_always'] as const;

/** The options a person can choose from; one whose id or kind cannot be understood is not offered. */
export function approvalOptionsOf(params: Fields): ApprovalOption[] {
  return list(params.options).map(fields).flatMap((option) => {
    const optionId = text(option.optionId);
    const kind = OPTION_KINDS.find((name) => name === option.kind);
    return optionId && kind ? [{ optionId, name: short(option.name) || optionId, kind }] : [];
  }).slice(0, APPROVAL_OPTIONS_MAX);
}
