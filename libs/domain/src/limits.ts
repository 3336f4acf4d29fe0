/*
 * Every bound of the domain: value, unit, reason, and what happens there. A session's document must fit
 * 256 KiB (design §2) whatever happens to it; its parts below add up to 234 KiB and leave 22 for the rest.
 */
const KIB = 1024;

/** One event as JSON (design §2), its envelope's own fields left room for; a longer text is cut and says so in `truncated`. */
export const FEED_EVENT_BYTES_MAX = 255 * KIB;
/** The manifest as it is printed (design §2); a spawn beyond it is MANIFEST_TOO_LARGE. */
export const PRINTED_MANIFEST_BYTES_MAX = 512 * KIB;

/** What a spawn may put into a session's document; beyond it DOCUMENT_TOO_LARGE. */
export const SESSION_SPAWN_BYTES_MAX = 44 * KIB;
/** Kept in `transitions`; the oldest make room and are counted in `transitionsDropped` (the feed has all). */
export const TRANSITIONS_MAX = 100;
export const TRANSITIONS_BYTES_MAX = 32 * KIB;
/** Approvals kept in the document; closed ones make room, oldest first (the feed has all). */
export const APPROVALS_MAX = 64;
export const APPROVALS_BYTES_MAX = 46 * KIB;
/** Open at once; one more is denied at once, with a reason that says so. */
export const APPROVALS_OPEN_MAX = 8;
/** An approval's tool call and options, in the document and in its event; the `tool_call` event has the whole. */
export const APPROVAL_TOOL_CALL_BYTES_MAX = 2.5 * KIB;
export const APPROVAL_OPTIONS_MAX = 8;
export const APPROVAL_OPTION_BYTES_MAX = 128;
/** Inputs not yet delivered; one more is LIMIT_REACHED. The bytes hold the longest text that HTTP takes (100,000 characters). */
export const PENDING_INPUTS_MAX = 64;
export const PENDING_INPUTS_BYTES_MAX = 112 * KIB;
/** Open tool calls of a turn that are remembered, the newest: whether there is one decides when a turn is stalled. */
export const OPEN_TOOL_CALLS_MAX = 16;

/** A text kept in the document for people (error, outcome, report, needsInput); cut with "…", the event has the whole. */
export const MESSAGE_BYTES_MAX = 2 * KIB;
/** A reason in `transitions` and `desired`; cut with "…". */
export const REASON_BYTES_MAX = 2 * KIB;
/** A word from an agent that is kept: an id, a title, `currentTask`; cut with "…". */
export const WORD_BYTES_MAX = 256;

/** What a user may put into a task or project; beyond it DOCUMENT_TOO_LARGE. The rest is kept for session links. */
export const ENTITY_USER_BYTES_MAX = 192 * KIB;
/** Sessions a task remembers; the oldest that have ended make room, with `task:session_removed`; a spawn beyond live ones is LIMIT_REACHED. */
export const TASK_SESSIONS_MAX = 400;

/**
 * A team member, bytes as JSON; beyond it DOCUMENT_TOO_LARGE. Each of its sessions keeps a copy (SESSION_SPAWN_BYTES_MAX, of which
 * the longest name, directory and list of tasks take the rest): one that is larger could start none.
 */
export const MEMBER_BYTES_MAX = 32 * KIB;
/** What a team member remembers; one more is LIMIT_REACHED. It all goes into the prompts of its sessions. */
export const MEMBER_MEMORY_MAX = 200;
/** Placed ids of one ordering (design §4.2), 170 KB as JSON: it fits a document; beyond it ORDERING_TOO_LONG. */
export const ORDERING_PLACED_MAX = 5_000;

/** A mail's body as JSON, bytes: one always fits among an agent's pending inputs; beyond it DOCUMENT_TOO_LARGE. */
export const MAIL_BODY_BYTES_MAX = 64 * KIB;
/** A mail's subject that we make ourselves (an answer's, a notification's); cut with "…". */
export const SUBJECT_BYTES_MAX = 200;
/** Mails of one session, whatever their state; one more is LIMIT_REACHED until some are deleted. Keeps a deletion one commit. */
export const MAILBOX_MAX = 2_000;
/** Mails to the people of one project; one more is LIMIT_REACHED until some are deleted. With all of them a project is deleted in one commit (8 MiB). */
export const PEOPLE_MAILBOX_MAX = 10_000;
/** Characters of all mail that a session has not got yet; one more is LIMIT_REACHED. It goes to a continuation in one commit. */
export const QUEUED_MAIL_CHARS_MAX = 1024 * KIB;
/** Recipients of one sending, and bytes of all its mails (they are one commit); beyond them LIMIT_REACHED. */
export const MAIL_RECIPIENTS_MAX = 500;
export const MAIL_SENDING_BYTES_MAX = 2 * KIB * KIB;

/** An open approval is denied after this long (design §4.1), ms; paused sessions stop that clock. */
export const APPROVAL_DEADLINE_MS = 10 * 60_000;

/** Bytes of `providers.json`; a larger one is broken: the last good one stays in force, and health says so. */
export const PROVIDERS_FILE_BYTES_MAX = 1024 * KIB;

/** A value shorter than this (characters) is not redacted: it would blank out ordinary text. */
export const SECRET_LENGTH_MIN = 4;
/** A line of a secret of several lines is one too, when it is as long as this (characters). */
export const SECRET_LINE_LENGTH_MIN = 16;
/** Base64 or hex of a secret, in characters: less of it is found by chance. */
export const ENCODED_SECRET_LENGTH_MIN = 12;
/** Characters of a secret that is found when it is broken over lines: a shorter one is not broken, and two words could make one. */
export const WRAPPED_SECRET_LENGTH_MIN = 16;
/** So many characters at the end of a text may be the beginning of a secret that goes on: what one piece of output holds. */
export const SECRET_BEGUN_CHARACTERS_MAX = 16 * KIB;
