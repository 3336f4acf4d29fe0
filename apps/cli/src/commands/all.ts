import type { Site } from '../site.js';
import { registerAudit } from './audit.command.js';
import { registerCompletion } from './completion.command.js';
import { registerBackup, registerDoctor } from './doctor.command.js';
import { registerEvents } from './events.command.js';
import { registerMail } from './mail.command.js';
import { registerManifest } from './manifest.command.js';
import { registerMcp } from './mcp.command.js';
import { registerNotification } from './notification.command.js';
import { registerOrdering } from './ordering.command.js';
import { registerProject } from './project.command.js';
import { registerProvider } from './provider.command.js';
import { registerReport } from './report.command.js';
import { registerRunner } from './runner.command.js';
import { registerSession, registerSessionShortForms } from './session.command.js';
import { registerStatus } from './status.command.js';
import { registerTask } from './task.command.js';
import { registerTeamMember } from './team-member.command.js';
import { registerToken } from './token.command.js';
import { registerDown, registerUp } from './up.command.js';
import { registerWait } from './wait.command.js';
import { registerWebhook } from './webhook.command.js';

const STACK = [registerUp, registerDown, registerStatus, registerDoctor, registerBackup, registerToken, registerAudit, registerCompletion];
const NOUNS = [
  registerProject, registerTask, registerTeamMember, registerSession, registerMail, registerOrdering, registerNotification, registerWebhook, registerManifest, registerRunner, registerProvider,
];
const WATCHING = [registerEvents, registerWait, registerReport, registerMcp];

/** In the order in which help shows them. */
export function registerAll(program: Site): void {
  for (const [heading, registers] of [
    ['The stack:', STACK], ['What there is:', NOUNS], ['What happens:', WATCHING], ['Short for session …:', [registerSessionShortForms]],
  ] as const) {
    program.command.commandsGroup(heading);
    for (const register of registers) register(program);
  }
}
