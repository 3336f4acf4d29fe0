// A worker: takes its assignment, asks its coordinator or a person where it must, and says how it went.
import { createInterface } from 'node:readline';
import { nextMail, om } from './cli.mjs';

const { parentSessionId: coordinator, name } = om('session', 'show', process.env.ORBITMESH_SESSION_ID);
const assignment = nextMail(({ type }) => type === 'assignment');
om('task', 'report', 'started', assignment.subject);

if (name === 'Builder') {
  const query = om('mail', 'send', '--to', coordinator, '--type', 'query', '--subject', 'Which lamp?', 'The red one or the green one?');
  const { body, replyToMailId } = nextMail(({ type }) => type === 'response');
  if (replyToMailId !== query.id) throw new Error('that was the answer to something else');
  om('report', 'progress', `I was told: ${body}`);
} else {
  om('report', 'needs-input', 'May I delete old.txt?');
  // Its prompt came on the same stdin: the answer is the line that is one.
  let answer = '';
  for await (const line of createInterface({ input: process.stdin })) {
    answer = line;
    if (/^(yes|no)\b/.test(line)) break;
  }
  om('report', 'progress', `A person said: ${answer}`);
}
om('mail', 'send', '--to', coordinator, '--type', 'status_update', '--subject', 'How it went', `${name} is done`);
om('task', 'report', 'completed', `${name} did it`, '--status', 'in_review');
om('report', 'completed', `${name} is done`);
process.exit(0);
