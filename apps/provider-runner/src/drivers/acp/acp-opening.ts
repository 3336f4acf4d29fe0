import type { AcpOptions } from './acp-options.js';
import type { AcpState } from './acp-state.js';
import { fields, list, short, text, type Fields } from '../wire/fields.js';

/** Who the agent says it is. */
export function agentInfoOf(initialized: Fields): NonNullable<AcpState['agentInfo']> {
  const { name, version } = fields(initialized.agentInfo);
  return { ...(text(name) ? { name: short(name) } : {}), ...(text(version) ? { version: short(version) } : {}) };
}

/** Can a conversation with this agent be gone on with in another process? */
export function keepsConversations(initialized: Fields): boolean {
  return methodToGoOn(initialized) !== null;
}

/**
 * How the conversation is opened. `session/resume` does not repeat the history, so it is preferred to
 * `session/load`, which does. Null: the agent cannot go on with an earlier conversation.
 */
export function openingOf(initialized: Fields, continued: string | undefined, options: AcpOptions): AcpState['opening'] {
  if (continued === undefined) return 'session/new';
  return options.continue ? methodToGoOn(initialized) : null;
}

/** An extension that both adapters by the protocol's makers have: input goes into the turn that runs. */
export function offersSteering(initialized: Fields): boolean {
  return fields(fields(initialized._meta).steering).supported === true;
}

export function offersMode(opened: Fields, mode: string): boolean {
  return list(fields(opened.modes).availableModes).map(fields).some(({ id }) => id === mode);
}

function methodToGoOn(initialized: Fields): AcpState['opening'] {
  const { sessionCapabilities, loadSession } = fields(initialized.agentCapabilities);
  if (fields(sessionCapabilities).resume) return 'session/resume';
  return loadSession === true ? 'session/load' : null;
}

/** How the agent lets the model be chosen. Null: nobody asked for one, or there is no choice. */
export function modelChoiceOf(opened: Fields, model: string | null): AcpState['model'] {
  if (model === null) return null;
  const option = list(opened.configOptions).map(fields).find(({ category }) => category === 'model');
  const configId = text(option?.id);
  if (configId) return { configId };
  return 'models' in opened ? { configId: null } : null;
}
