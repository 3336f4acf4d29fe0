/** One frame from the agent. A longer one is cut by the core, becomes an `error` fact and an unparsed record; the run goes on. */
export const ACP_LINE_BYTES_MAX = 8 * 1024 * 1024;
/** Reasons of denied permissions that wait for the next prompt; from there on the oldest is forgotten. */
export const DENIALS_MAX = 16;
/** Of an agent whose stderr is its log, what is kept until it is ready, to say why it never was. */
export const START_LOG_CHARACTERS_MAX = 2_000;
