/** Characters of a title, an id or another short text of an agent; longer ones are cut with an ellipsis. */
export const SHORT_TEXT_MAX = 500;
