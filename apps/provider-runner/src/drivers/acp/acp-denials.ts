import { DENIALS_MAX } from './acp.limits.js';
import type { OpenApproval } from './acp-state.js';
import { short } from '../wire/fields.js';

/**
 * ACP answers a permission request with an option and nothing else. Why somebody said no is kept, and
 * stands before the next prompt.
 */
export function withDenial(denials: string[], { title, rejects }: Pick<OpenApproval, 'title' | 'rejects'>, { optionId, reason }: { optionId: string | null; reason?: string }): string[] {
  const denied = optionId === null || rejects.includes(optionId);
  if (!denied || !reason?.trim()) return denials;
  return [...denials, `${title ? `"${title}" was` : 'A tool call was'} not permitted: ${short(reason)}`].slice(-DENIALS_MAX);
}

/** The prompt with what has to be said before it. */
export function tellDenials(denials: string[], prompt: string): string {
  return denials.length ? `# Permissions\n\n${denials.map((line) => `- ${line}`).join('\n')}\n\n# Message\n\n${prompt}` : prompt;
}
