/** One frame from the agent. A longer one is cut by the core, becomes an `error` fact and an unparsed record; the run goes on. */
export const CLAUDE_LINE_BYTES_MAX = 8 * 1024 * 1024;
/** Retries of one model request, with growing pauses (about 8 s in all); then the turn ends with the error. The program's own default is 10: minutes in which nobody hears of it. */
export const API_RETRIES_MAX = 4;
/** Interrupts of one turn: one that came before the turn could be broken off is said again when it can. */
export const INTERRUPTS_MAX = 10;
/** JSON of the rules behind "always allow"; with more of them only this one call can be allowed. */
export const SUGGESTIONS_BYTES_MAX = 8 * 1024;
/** Characters of a reason for an answer, as the model reads it. */
export const REASON_MAX = 2_000;
/** Characters of stderr that are remembered until the agent is ready, to say why it never was. */
export const LAST_WORDS_MAX = 1_000;
