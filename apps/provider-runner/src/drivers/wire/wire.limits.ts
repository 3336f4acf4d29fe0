/** Characters of a title, an id or another short text of an agent; longer ones are cut with an ellipsis. */
export const SHORT_TEXT_MAX = 500;
/** JSON of the tool call in an approval: it lives in the session document (256 KiB). Past it content and input are left out, and named. */
export const APPROVAL_TOOL_CALL_BYTES_MAX = 16 * 1024;
/** Permission requests that may be open at once; a further one is answered `cancelled` and said as an `error` fact. */
export const OPEN_APPROVALS_MAX = 32;
/** Inputs held until the turn ends; a further one is `input_failed`. */
export const HELD_INPUTS_MAX = 64;
/** Characters of all held inputs and the running prompt: the snapshot (1 MiB) must hold them. A further input is `input_failed`. */
export const HELD_INPUT_CHARACTERS_MAX = 256 * 1024;
/** Open tool calls remembered for their title and state; from there on the oldest is forgotten (its updates still come out). */
export const OPEN_TOOL_CALLS_MAX = 256;
/** Options of one permission request that are offered; more are left out and said as an `error` fact. */
export const APPROVAL_OPTIONS_MAX = 16;
/** Entries of a plan; more are left out and counted in a last entry. */
export const PLAN_ENTRIES_MAX = 100;
/** A request id the agent chose; a longer one is refused, because it must fit into a journaled key. */
export const REQUEST_ID_MAX = 64;
/** Levels of a frame that are taken; what is deeper is replaced. Real ones have a dozen; a few thousand would end everything that walks over them. */
export const FRAME_DEPTH_MAX = 64;
