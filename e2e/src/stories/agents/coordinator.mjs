// A coordinator: gives two workers their tasks, answers what they ask, and reports when both are done.
import { nextMail, om, omLines } from './cli.mjs';

const { WORKER_MEMBER: member, BUILD_TASK: build, CLEAN_TASK: clean } = process.env;

om('report', 'progress', 'Reading the tasks');
const spawn = (task, name) => om('session', 'spawn', `Do: ${name}`, '--provider', 'worker', '--member', member, '--task', task, '--name', name).id;
const builder = spawn(build, 'Builder');
const cleaner = spawn(clean, 'Cleaner');
om('mail', 'send', '--to', builder, '--type', 'assignment', '--subject', 'Build it', 'Build the lamp, and ask where you must.');
om('mail', 'send', '--to', cleaner, '--type', 'assignment', '--subject', 'Clean up', 'Remove what is old.');
om('mail', 'send', '--to', 'children', '--type', 'directive', '--subject', 'To all', 'Say how it went when you are done.');
om('report', 'milestone', 'Both workers are at work');

const query = nextMail(({ type }) => type === 'query');
om('mail', 'reply', query.id, 'The red one.');
const told = new Set();
while (told.size < 2) {
  const { fromSessionId } = nextMail(({ type, subject }) => type === 'notification' && subject.startsWith('Finished'));
  told.add(fromSessionId);
}
const statuses = omLines('mail', 'inbox').filter(({ type }) => type === 'status_update').map(({ body }) => body).sort();
om('task', 'report', 'completed', 'Both parts are there', '--status', 'completed');
om('report', 'completed', `Done: ${statuses.join('; ')}`);
