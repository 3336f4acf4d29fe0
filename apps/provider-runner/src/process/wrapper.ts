import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { AppError } from '@orbitmesh/domain';

/**
 * The small shell between runner and agent, by which an agent outlives its runner (design §7). POSIX
 * sh only: /bin/sh is dash on Debian and bash on macOS.
 *
 * - The agent is a *foreground* child: a background job of `sh` has SIGINT and SIGQUIT ignored for
 *   good. The shell catches (not ignores) signals, so its children get them as default.
 * - A shell runs no trap while it waits for a foreground child, so the write end of the FIFO is held
 *   by a process of its own (`hold` has its pid), which SIGUSR1 ends: that is how stdin is closed on
 *   purpose. Everybody else closes the write end, or the agent would never see the end of its input.
 * - The agent is the leader of its own session where `setsid` exists, so that what it does to its
 *   process group does not hit the shell that writes down how it ended. The inner shell writes the
 *   pid that becomes the agent's by `exec`, or executes nothing: no such number, no agent.
 * - A pid is whole once its line is: one write of the shell's own, as a program for each (`mv` from
 *   another name) is a third of what a short run costs the machine.
 * - How the agent ended must be said on a full disk too, or an agent that ended in order would count as
 *   crashed. So the file for it is filled beforehand and written over in place, which takes no new
 *   block (a file system that copies on write may want one all the same: it is tried again each
 *   second, for ten minutes, as long as there is a directory to write to); only a file that holds the
 *   code gets the name `exit`.
 * - Between the look at a working directory and the start in it, somebody can put a link in its place:
 *   so it is looked at once more, by who is in it.
 * - Files are made under the runner's umask (077); the agent gets its user's own back.
 */
const SCRIPT = `
_om_dir=$1 _om_mask=$2 _om_cwd=$3 _om_mv=$4 _om_sleep=$5 _om_mkfifo=$6 _om_setsid=$7
shift 7
[ "$(pwd -P; echo .)" = "$_om_cwd
." ] || { echo "its working directory became another one" >>"$_om_dir/err"; exit 126; }
trap : HUP INT QUIT TERM USR1 USR2
echo "$$" >"$_om_dir/wrapper"
"$_om_mkfifo" -m 600 "$_om_dir/in" 2>>"$_om_dir/err" || exit 126
exec 3<>"$_om_dir/in"
"$_om_sleep" 2147483647 </dev/null >/dev/null 2>&1 &
_om_hold=$!
exec 3>&-
echo "$_om_hold" >"$_om_dir/hold"
printf '%-3s\\n' '' >"$_om_dir/exit.new"
(
  exec <"$_om_dir/in"
  exec \${_om_setsid:+"$_om_setsid"} /bin/sh -c '
    _om_dir=$1 _om_mask=$2
    shift 2
    echo "$$" >"$_om_dir/pid" || exit 126
    umask "$_om_mask"
    unset _om_dir _om_mask
    exec "$@"
  ' agent "$_om_dir" "$_om_mask" "$@"
) >>"$_om_dir/out" 2>>"$_om_dir/err"
_om_code=$?
kill "$_om_hold" 2>/dev/null
_om_tries=0
until printf '%-3s\\n' "$_om_code" 1<>"$_om_dir/exit.new" && "$_om_mv" "$_om_dir/exit.new" "$_om_dir/exit"; do
  _om_tries=$((_om_tries + 1))
  [ "$_om_tries" -lt 600 ] && [ -d "$_om_dir" ] || break
  "$_om_sleep" 1
done
`;

export interface WrapperLaunch {
  /** The run's directory. */
  dir: string;
  /** argv, the first absolute. */
  command: string[];
  /** Real path; where it leads elsewhere by now, nothing is executed. */
  workingDir: string;
  /** The agent's whole environment; it is passed on in memory and never written to a file. */
  environment: Record<string, string>;
  /** Octal, e.g. `022`: the one of the user who started OrbitMesh. */
  userUmask: string;
}

/** Starts it, detached, and answers with the wrapper's pid. @throws AppError CONFIG_INVALID when the system refuses. */
export async function launchWrapper(launch: WrapperLaunch): Promise<number> {
  const tools = [programPath('mv', true), programPath('sleep', true), programPath('mkfifo', true), programPath('setsid', false)];
  // eslint-disable-next-line no-restricted-syntax -- the one script; what it runs are its arguments
  const child = spawn('/bin/sh', ['-c', SCRIPT, 'orbitmesh-run', launch.dir, launch.userUmask, launch.workingDir, ...tools, ...launch.command], {
    cwd: launch.workingDir, env: launch.environment, detached: true, stdio: 'ignore',
  });
  child.unref();
  try {
    await once(child, 'spawn');
  } catch (cause) {
    throw new AppError('CONFIG_INVALID', `The agent could not be started: ${(cause as Error).message}`, {}, { cause });
  }
  return child.pid!;
}

const found = new Map<string, string>();

/** Where a system's program is; never taken from the agent's PATH. */
export function programPath(name: string, needed: boolean): string {
  const cached = found.get(name);
  if (cached !== undefined) return cached;
  for (const dir of ['/usr/bin', '/bin', '/usr/sbin', '/sbin']) {
    const path = join(dir, name);
    try {
      accessSync(path, constants.X_OK);
      found.set(name, path);
      return path;
    } catch {
      // Not here: look in the next directory.
    }
  }
  if (needed) throw new AppError('CONFIG_INVALID', `The program ${name} is missing on this system.`, { program: name });
  found.set(name, '');
  return '';
}
