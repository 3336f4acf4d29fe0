import type { Mail } from '../work/mail.js';

/** Mail as an agent is told of it: what it says, and how to answer. */
export function mailText(mails: readonly Mail[]): string {
  const head = mails.length === 1 ? 'You have mail.' : `You have ${mails.length} mails.`;
  return [head, ...mails.map(mailSection), howToAnswer(mails)].join('\n\n');
}

/** What one of them says. */
export function mailSection({ id, type, fromName, fromSessionId, subject, body, priority }: Mail): string {
  const from = fromSessionId === null ? fromName : `${fromName} (session \`${fromSessionId}\`)`;
  return [
    `## ${subject || type.replaceAll('_', ' ')}`,
    '',
    `From ${from}; ${type.replaceAll('_', ' ')}${priority === 'normal' ? '' : `, ${priority} priority`}; \`${id}\`.`,
    '',
    body.trim(),
  ].join('\n');
}

function howToAnswer(mails: readonly Mail[]): string {
  const id = mails.length === 1 ? mails[0].id : '<its id>';
  return `Answer with \`orbitmesh mail reply ${id} "<your answer>"\` where one is wanted, and say with \`orbitmesh mail read ${id}\` that you have read it. Then go on with your work.`;
}
