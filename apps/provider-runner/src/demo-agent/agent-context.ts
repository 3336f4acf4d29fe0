import { readFileSync } from 'node:fs';
import type { Manifest } from '@orbitmesh/domain';
import { parseDemoOptions, type DemoOptions } from './demo-options.js';

type Task = Manifest['tasks'][number];

/** What the agent's environment and its manifest say it is to do (design §8). */
export interface AgentContext {
  sessionId: string;
  tasks: Task[];
  manifest: Manifest | null;
  options: DemoOptions;
  env: NodeJS.ProcessEnv;
  /** Why no session can be opened. It is the answer to `session/new`: stderr would be read by nobody who sees the outcome. */
  refusal: string | null;
}

/**
 * Reads the manifest the runner wrote. Without `ORBITMESH_MANIFEST` the agent runs on its own (any ACP
 * client can start it), with no task and no scripted behaviour. A manifest that cannot be read, or a
 * wrong `custom.demo`, becomes `refusal`.
 */
export function readAgentContext(env: NodeJS.ProcessEnv): AgentContext {
  const nothing: AgentContext = { sessionId: env.ORBITMESH_SESSION_ID ?? 'standalone', tasks: [], manifest: null, options: parseDemoOptions({}), env, refusal: null };
  const path = env.ORBITMESH_MANIFEST;
  if (!path) return nothing;
  try {
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as Manifest;
    const options = parseDemoOptions(manifest.provider.custom);
    return { ...nothing, sessionId: env.ORBITMESH_SESSION_ID ?? manifest.sessionId, tasks: manifest.tasks, manifest, options };
  } catch (error) {
    return { ...nothing, refusal: (error as Error).message };
  }
}
