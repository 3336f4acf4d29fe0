import { createHash } from 'node:crypto';
import { AppError } from '../errors/app-error.js';
import { PRINTED_MANIFEST_BYTES_MAX } from '../limits.js';
import type { Manifest, ManifestInput } from './manifest.js';
import { promptOf, systemPromptOf } from './prompt.js';

export interface BuiltManifest {
  manifest: Manifest;
  /** As it is kept: 2 spaces, a newline at the end. */
  json: string;
  /** SHA-256 of `json`, hex. */
  hash: string;
}

/**
 * The same input makes the same bytes, wherever and whenever it is built (design §8): fields in one
 * order, maps sorted by key, nothing read but the input.
 * @throws MANIFEST_TOO_LARGE beyond 512 KiB.
 */
export function buildManifest(input: ManifestInput): BuiltManifest {
  const { teamMember } = input;
  const manifest: Manifest = {
    manifestVersion: '1.0',
    sessionId: input.sessionId,
    projectId: input.project.id,
    mode: input.mode,
    systemPrompt: systemPromptOf(input),
    prompt: promptOf(input),
    tasks: input.tasks.map(({ id, title, description, acceptanceCriteria, priority, dependencies }) => ({
      id, title, description, acceptanceCriteria: [...acceptanceCriteria], priority, dependencies: [...dependencies],
    })),
    teamMember: teamMember && {
      id: teamMember.id, name: teamMember.name, role: teamMember.role, identity: teamMember.identity,
      skills: [...teamMember.skills], memory: [...teamMember.memory],
    },
    provider: {
      type: input.providerType,
      model: input.model,
      permissionMode: input.permissionMode,
      mcpServers: input.mcpServers.map(({ name, command, args, env }) => ({ name, command, args: [...args], env: sorted(env) })),
      custom: sorted(input.custom),
    },
    workingDir: input.workingDir,
    ...(input.trustRepository && { trustRepository: true }),
    environment: sorted(input.environment),
    secrets: sorted(input.secrets),
    parent: input.parent && { sessionId: input.parent.sessionId, name: input.parent.name },
    initialDirective: input.initialDirective,
  };
  const printed = printManifest(manifest);
  const bytes = Buffer.byteLength(printed.json);
  if (bytes > PRINTED_MANIFEST_BYTES_MAX) throw new AppError('MANIFEST_TOO_LARGE', undefined, { bytes, max: PRINTED_MANIFEST_BYTES_MAX });
  return { manifest, ...printed };
}

export function printManifest(manifest: Manifest): Pick<BuiltManifest, 'json' | 'hash'> {
  const json = `${JSON.stringify(manifest, null, 2)}\n`;
  return { json, hash: createHash('sha256').update(json).digest('hex') };
}

/** A copy with the keys of every map in it in code unit order; arrays keep theirs. */
function sorted<T>(value: T): T {
  if (Array.isArray(value)) return value.map(sorted) as T;
  if (typeof value !== 'object' || value === null) return value;
  const keys = Object.keys(value).sort() as (keyof T)[];
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key])])) as T;
}
