// The hands of a scripted agent: `orbitmesh`, as its runner put it into PATH, and nothing else.
import { execFileSync } from 'node:child_process';

/** One JSON document. */
export function om(...args) {
  return JSON.parse(execFileSync('orbitmesh', [...args, '--json'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }));
}

/** One JSON document a line. */
export function omLines(...args) {
  const text = execFileSync('orbitmesh', [...args, '--json'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  return text.split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

/** The next mail that `wanted` says yes to; what comes before it is read and put aside. */
export function nextMail(wanted) {
  for (;;) {
    for (const mail of omLines('mail', 'wait', '--timeout', '60')) {
      om('mail', 'read', mail.id);
      if (wanted(mail)) return mail;
    }
  }
}
