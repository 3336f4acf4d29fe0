import { ApiClient, ApiError, UnreachableError } from '@orbitmesh/api-client';
import { connectionOf } from '../connection.js';
import { CliError } from '../exit-code.js';
import { DAMAGES_NAMED_MAX } from '../limits.js';
import { note, type Check, type Finding } from './finding.js';

/** What services at work found at their start or later, and no file shows any more: that something was missing, for example. */
export const checkDamages: Check = async ({ launcher, stack, env, told, whole }) => {
  if (launcher === null || !stack?.ready) return [];
  const damages = (await found(env)).filter(({ file }) => !told.has(file));
  const named = damages.slice(whole ? 0 : -DAMAGES_NAMED_MAX);
  const more = damages.length - named.length;
  const findings: Finding[] = named.map(({ file, reason, at }) => note(file, `${reason} (found ${at})`));
  if (more > 0) findings.push(note(null, `Of ${more} more such files the logs tell: run/logs/ in the home, "damage found".`));
  return findings.map((one, n) => (n < findings.length - 1 ? one : { ...one, advice: ['Services tell of this until they are started anew: % down, and then % up'] }));
};

/** Of a gateway that cannot answer is told elsewhere. */
async function found(env: NodeJS.ProcessEnv): Promise<{ file: string; reason: string; at: string }[]> {
  try {
    return (await new ApiClient(await connectionOf(env)).damages()).items;
  } catch (error) {
    if (error instanceof ApiError || error instanceof UnreachableError || error instanceof CliError) return [];
    throw error;
  }
}
