/** Bounds of the launcher, the set-up and the demo. What happens at a bound stands beside it. */

/** The oldest Node.js that runs OrbitMesh; an older one is refused in one sentence. */
export const NODE_VERSION_MIN = [20, 19];

/** A dead service is started again after this long, doubled each time up to the maximum, for ever. */
export const RESTART_DELAY_MS_MIN = 100;
export const RESTART_DELAY_MS_MAX = 5_000;
/** Ready for this long: the delay is back to the minimum. */
export const RESTART_RESET_MS = 5_000;

/** design §10: Ctrl-C ends within 10 s. Shares of it; whoever is still there at its end is killed. */
export const STOP_RUNNER_MS = 7_500;
export const STOP_SERVICE_MS = 1_500;
/** The record, which is last: with thousands of sessions there is much to write down. It gets what the others left of the whole, NATS's share aside. */
export const STOP_RECORD_MS = 5_000;
export const STOP_NATS_MS = 1_000;
export const STOP_TOTAL_MS = 9_300;
/** Agents whose runner was killed are killed in this time; what is there still is told. */
export const AGENTS_END_MS = 500;
/** `exec` in the npm script makes the terminal's Ctrl-C arrive twice: repeats this close are one. */
export const SIGNAL_REPEAT_MS = 1_000;

/** Left over from a launcher that was killed: services leave by themselves, then they are killed. */
export const LEFTOVER_GRACE_MS = 3_000;

/** run/stack.json could not be written, as on a full disk: tried again this often, as long as the stack runs. */
export const STACK_FILE_RETRY_MS = 1_000;

/** A launcher looks this often at what nobody tells it: suspended processes, a home that was moved, a run/stack.json that was removed. */
export const STACK_LOOK_MS = 500;

/** One log file of a service and how many are kept; the oldest is removed. */
export const LOG_BYTES_MAX = 5 * 1024 * 1024;
export const LOG_FILES_MAX = 3;
/** What is kept of a service's last words, to be shown when it dies. */
export const LAST_WORDS_CHARS_MAX = 300;

/** Waiting for another set-up of the same checkout, or for another launcher's lock to be decided. */
export const LOCK_POLL_MS = 200;
/** Take-overs tried in a row before the lock is reported as held. */
export const LOCK_ATTEMPTS_MAX = 20;

/** nats-server answers in 20 ms here; after this long the start is told so and goes on waiting. */
export const NATS_PROBE_MS = 50;
export const NATS_PROBE_TIMEOUT_MS = 1_000;
/** Every process is ready: the gateway is asked until it says so too. */
export const READY_PROBE_MS = 50;
export const READY_PROBE_TIMEOUT_MS = 2_000;
/** Not ready yet: said after this long, and again every such time. */
export const READY_REMINDER_MS = 15_000;

/** The demo gives up on a stack or a session after this long and says what it saw last. */
export const DEMO_STACK_WAIT_MS = 5 * 60_000;
export const DEMO_SESSION_WAIT_MS = 3 * 60_000;

/** A bundle is loaded once to keep what V8 compiled of it: a second here, and more beside others. */
export const COMPILE_BUNDLE_MS_MAX = 60_000;

/** Lines of a failed step's log that are shown. */
export const FAILED_STEP_LINES_MAX = 30;

/** Jest workers: stacks of five processes run beside them, on two cores. */
export const TEST_WORKERS = 2;
/** A run takes 10 to 12 minutes on two cores, and is to stay under 15; one that hangs is killed and counted as failed. */
export const TESTS_MS_MAX = 20 * 60_000;
/** The fault tests take up to 20 minutes; with `--long` 500 rounds of a few seconds each, and a soak of half an hour. */
export const FAULT_TESTS_MS_MAX = 30 * 60_000;
export const LONG_FAULT_TESTS_MS_MAX = 180 * 60_000;
/** `npm run test:agents -- --all`: eight agents of six trials each, two of which wait for agents that try a refused model again. */
export const AGENT_TESTS_MS_MAX = 60 * 60_000;
