const KIB = 1024;
const MIB = 1024 * KIB;

/** Every bound of the store (design §3). What happens at each is said beside it; nothing is dropped silently. */
export interface StorageLimits {
  /** Bytes of one log segment; past it the next batch goes to a new one. */
  segmentBytesMax: number;
  /** Bytes of log kept; past it whole segments that the checkpoint covers are dropped and `oldest()` moves. */
  logBytesMax: number;
  /** Bytes and records that share one write and one fdatasync; what is over waits for the next batch. */
  batchBytesMax: number;
  batchRecordsMax: number;
  /** Commits and bytes waiting for the disk; past it a commit is refused with TOO_MANY_REQUESTS. */
  queueCommitsMax: number;
  queueBytesMax: number;
  /**
   * One commit as JSON; past it the commit is refused with DOCUMENT_TOO_LARGE. A session's end must never be: its 20 tasks and itself, 256 KiB
   * each, once as document and once in its event, are 10.5 MiB.
   */
  commitBytesMax: number;
  /** One document's file; a larger one is not read, and damaged. A commit's bytes are indented for up to 32 levels in it. */
  documentFileBytesMax: number;
  /** Files of the projection written at the same time (facts §2.3: more only adds latency). */
  writesInFlightMax: number;
  /** The log is quiet so long after a commit; until then files are written in rounds. */
  calmMs: number;
  /** Files of one round; one file takes as much of the disk as twenty commits do. */
  roundFiles: number;
  /** The rest after a round, at least, and as a multiple of what the round took; less the more lags behind. */
  roundRestMs: number;
  roundRestTimes: number;
  /** Files that lag behind the log; past it commits wait (back-pressure) until it is below again. */
  dirtyFilesMax: number;
  /** Bytes of session events in memory that are not yet synced in their files; past it commits wait. */
  unsyncedEventBytesMax: number;
  /** How late a document may be written when only its lazy keys changed, in ms. */
  lazyDelayMs: number;
  /** Pause before a failed file, checkpoint or log segment is tried again, in ms; it never gives up. */
  retryDelayMs: number;
  /** A checkpoint is written at the latest this long after a commit (ms), or after so many commits. */
  checkpointDelayMs: number;
  checkpointCommitsMax: number;
  /** It lists all sessions, at some 100 ms of processor time for 100,000: for each so many it may come by that delay later. */
  checkpointSessions: number;
  /** With so many documents a store has a snapshot of them, which a start reads instead of their files. */
  snapshotDocumentsMin: number;
  /**
   * A new one is written when the log behind it has so many bytes and no fewer than a quarter of itself: a start reads and replays them,
   * at about 25 ms a MiB. In the first ms after the last one it takes four times as much: else a burst of commits would write little but snapshots.
   */
  snapshotLogBytesMin: number;
  snapshotPauseMs: number;
  /** Documents of the snapshot that were asked for last are not read again: bytes of their lines; as objects they take about four times that. */
  recentBytesMax: number;
  /** The files are looked at behind a start from a snapshot, for so long at a time, in ms, with a pause between that leaves the processor to others. */
  checkSliceMs: number;
  checkPauseMs: number;
  /** It begins so late, in ms, and so does a snapshot that a start missed: what starts needs the processor. */
  checkDelayMs: number;
  /** Idempotent answers: age (ms), count and bytes; the oldest go first and are counted. */
  answerAgeMsMax: number;
  answersMax: number;
  answerBytesMax: number;
  /** Bytes of one side segment of answers; a segment is unlinked when its last answer is gone. */
  answerSegmentBytesMax: number;
  /** Bytes and items of one page; a page ends before it. One event always fits. */
  pageBytesMax: number;
  pageItemsMax: number;
  /** Bytes of a session's file that one filtered page looks through once it has found something. */
  scanBytesMax: number;
  /** Bytes of recent events kept in memory; older ones are read from the log. */
  tailBytesMax: number;
  /** One index entry for so many bytes of a segment or an events file; a page reads at most this much too much. */
  indexStrideBytes: number;
  /** Session files whose index is kept; the least recently used is forgotten and built again. */
  sessionIndexesMax: number;
  /** What is kept free for ends and removals on a full disk, in bytes (facts §2.6); it is given back in so many portions, so that who fills the disk does not get all of it at once. */
  reserveBytes: number;
  reservePortions: number;
  /** Whether there is room for the reserve is looked at so often while it is not whole, in ms; the first time so long after a start. */
  reserveLookMs: number;
  /** A commit that waits longer for the disk than this is told in health, and the store is not ready, in ms. */
  slowCommitMs: number;
  /** Damages told in health, the newest, and one by one to who listens; all are counted. */
  damagesReportedMax: number;
}

export const STORAGE_LIMITS: StorageLimits = {
  segmentBytesMax: 32 * MIB,
  logBytesMax: 256 * MIB,
  batchBytesMax: MIB,
  batchRecordsMax: 512,
  queueCommitsMax: 20_000,
  queueBytesMax: 64 * MIB,
  commitBytesMax: 16 * MIB,
  documentFileBytesMax: 64 * MIB,
  writesInFlightMax: 16,
  calmMs: 10,
  roundFiles: 64,
  roundRestMs: 25,
  roundRestTimes: 3,
  dirtyFilesMax: 16_384,
  unsyncedEventBytesMax: 32 * MIB,
  lazyDelayMs: 5_000,
  retryDelayMs: 1_000,
  checkpointDelayMs: 5_000,
  checkpointCommitsMax: 10_000,
  checkpointSessions: 20_000,
  snapshotDocumentsMin: 1,
  snapshotLogBytesMin: 4 * MIB,
  snapshotPauseMs: 10_000,
  recentBytesMax: 8 * MIB,
  checkSliceMs: 4,
  checkPauseMs: 16,
  checkDelayMs: 2_000,
  answerAgeMsMax: 24 * 3_600_000,
  answersMax: 200_000,
  answerBytesMax: 64 * MIB,
  answerSegmentBytesMax: 8 * MIB,
  pageBytesMax: 512 * KIB,
  pageItemsMax: 1_000,
  scanBytesMax: 8 * MIB,
  tailBytesMax: 16 * MIB,
  indexStrideBytes: 64 * KIB,
  sessionIndexesMax: 256,
  reserveBytes: 8 * MIB,
  reservePortions: 8,
  reserveLookMs: 1_000,
  slowCommitMs: 2_000,
  damagesReportedMax: 1_000,
};

/** A snapshot is written in pieces of so many bytes, and synced after so many. */
export const SNAPSHOT_CHUNK_BYTES = 256 * KIB;
export const SNAPSHOT_SYNC_BYTES = 4 * MIB;
/** Names in one line of a snapshot: a line each would be half of its lines. */
export const UNREAD_OF_LINE_MAX = 500;
/** Texts that documents' summaries share (their projects'), while a start reads them; past it they are begun anew. */
export const SHARED_TEXTS_MAX = 1_000;
/** A snapshot is written when there is room for two of it, and for the reserve so many times. */
export const SNAPSHOT_ROOM_RESERVES = 4;
/** The look at the files behind a start begins again after an error, after so many times the pause of the first; from this attempt on it is told. */
export const CHECK_BACKOFF_MAX = 60;
export const CHECK_ATTEMPTS_UNTOLD = 5;
/** Directories below the store's that are searched for documents; deeper ones are not ours. */
export const DOCUMENT_DEPTH_MAX = 4;
/** What a home remembers of a store has about 60 bytes. */
export const STORE_MARK_BYTES_MAX = 4_096;
/** How long a lock's holder may take to say who it is, in ms; then the refusal says that it does not answer. */
export const LOCK_ANSWER_MS = 1_000;
/** Attempts to take a lock that others are taking over too; then STORAGE_LOCKED. */
export const LOCK_ATTEMPTS_MAX = 100;
/** sun_path is 104 bytes on macOS and 108 on Linux, with the final NUL; longer paths go through a link. */
export const SOCKET_PATH_BYTES_MAX = 100;
/** The doctor reads no larger file as a document: the largest there can be is a manifest of 512 KiB. */
export const AUDITED_FILE_BYTES_MAX = 4 * 1024 * 1024;
/** Fields that are named of a document that was edited by hand; the rest is counted. */
export const EDITED_FIELDS_TOLD_MAX = 6;
/** How often a backup begins again because the log was compacted behind its back. */
export const COPY_ATTEMPTS_MAX = 5;
/** A header of a log segment is a few hundred bytes; an attempt at a segment that failed holds no more than that. */
export const LOG_HEADER_BYTES_MAX = 4_096;
/** A directory is removed only when its last file goes: more often than this it does not happen to one write. */
export const DIRECTORY_ATTEMPTS_MAX = 3;
/** Of the name that a file had, in the one it has in quarantine: a file system takes 255 bytes. */
export const QUARANTINE_NAME_BYTES_MAX = 160;
/** The file that says why, when it is read again: anybody may have put one there. */
export const QUARANTINE_WHY_BYTES_MAX = 64 * KIB;
