import { normalize } from 'node:path';
import { checkEnvironment, checkSecrets, pointerTo, validationError, type FieldProblem, type SpawnSessionBody } from '@orbitmesh/contracts';
import { isInside } from './working-dir.js';

/**
 * What is kept in the manifest holds no secret by value: plain environments by the names in them, secrets by being
 * references. The gateway has checked the same; the manifest is ours.
 * @throws SECRET_BY_VALUE, VALIDATION_FAILED with `errors` (JSON pointers)
 */
export function assertNoSecretByValue({ environment = {}, secrets = {}, mcpServers = [] }: SpawnSessionBody): void {
  const problems = [
    ...under('/environment', checkEnvironment(environment)),
    ...under('/secrets', checkSecrets(secrets)),
    ...mcpServers.flatMap(({ env }, n) => under(`/mcpServers${pointerTo(n)}/env`, checkEnvironment(env))),
  ];
  if (problems.length > 0) throw validationError(problems, 'body');
}

/**
 * A reference must not lead into our own home, where the tokens and logs are. By the path alone: what the file really
 * is, the runner sees. @throws VALIDATION_FAILED with `errors` (JSON pointers)
 */
export function assertSecretsOutsideHome({ secrets = {} }: Pick<SpawnSessionBody, 'secrets'>, homes: readonly string[]): void {
  const inside = (reference: string): boolean => reference.startsWith('file:') && homes.some((home) => isInside(normalize(reference.slice('file:'.length)), home));
  const problems = Object.entries(secrets).filter(([, reference]) => inside(reference))
    .map(([name]): FieldProblem => ({ pointer: `/secrets${pointerTo(name)}`, detail: 'must not name a file inside $ORBITMESH_HOME' }));
  if (problems.length > 0) throw validationError(problems, 'body');
}

const under = (pointer: string, problems: FieldProblem[]): FieldProblem[] =>
  problems.map((problem) => ({ ...problem, pointer: `${pointer}${problem.pointer}` }));
