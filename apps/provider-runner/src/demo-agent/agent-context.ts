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
}

/**
 * Reads the manifest the runner wrote. Without `ORBITMESH_MANIFEST` the agent runs on its own (any ACP
 * client can start it), with no task and no scripted behaviour.
 *
 * @throws Error when the manifest cannot be read or `custom.demo` is wrong.
 */
export function readAgentContext(env: NodeJS.ProcessEnv): AgentContext {
  const path = env.ORBITMESH_MANIFEST;
  const manifest = path ? (JSON.parse(readFileSync(path, 'utf8')) as Manifest) : null;
  return {
    sessionId: env.ORBITMESH_SESSION_ID ?? manifest?.sessionId ?? 'standalone',
    tasks: manifest?.tasks ?? [],
    manifest,
    options: parseDemoOptions(manifest?.provider.custom ?? {}),
    env,
  };
}
