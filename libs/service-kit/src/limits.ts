/**
 * From the wish to stop until the process ends by itself, exit code 1: design §10 promises Ctrl-C in 10 s for the whole stack,
 * and the runner's own graces take up to 7 s of it.
 */
export const SHUTDOWN_MS_MAX = 9_000;

/** Label sets of one metric; further ones are counted in `orbitmesh_metric_label_sets_dropped_total` instead. */
export const METRIC_LABEL_SETS_MAX = 256;

/** Bytes of `installation.json` we are willing to read; ours has about 100. */
export const INSTALLATION_BYTES_MAX = 4_096;

/** A service looks this often whether the directories it writes to are still its own. */
export const LOCK_LOOK_MS = 500;

/** A stop brings a store's files up to its log for this long, in ms: with slow agents before it, the launcher may have little more left. */
export const STORE_CLOSE_MS_MAX = 700;

/** A file that says "well" is written anew this often, in ms; whoever reads it takes one that is older than some of these for "not well". */
export const READY_FILE_MS = 2_000;

/** Connections to a service's own `/metrics`: a few that scrape it; it asks for no token. */
export const METRICS_CONNECTIONS_MAX = 16;
/** How often a timer looks how late it is, in ms. */
export const LAG_LOOK_MS = 20;
