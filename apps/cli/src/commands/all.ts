import type { Site } from '../site.js';
import { registerEvents } from './events.command.js';
import { registerProject } from './project.command.js';
import { registerReport } from './report.command.js';
import { registerSession, registerSessionShortForms } from './session.command.js';
import { registerStatus } from './status.command.js';
import { registerTask } from './task.command.js';
import { registerToken } from './token.command.js';

/** In the order in which help shows them. */
export function registerAll(program: Site): void {
  const group = (heading: string) => program.command.commandsGroup(heading);
  group('The stack:');
  registerStatus(program);
  registerToken(program);
  group('What there is:');
  for (const register of [registerProject, registerTask, registerSession]) register(program);
  group('What happens:');
  registerEvents(program);
  registerReport(program);
  group('Short forms of session …:');
  registerSessionShortForms(program);
}
