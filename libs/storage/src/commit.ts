import type { EventEnvelope, FeedEvent } from '@orbitmesh/domain';

/** An event as a command wants it; the log gives it its numbers. */
export type NewEvent = FeedEvent;

/** The answer to a request with an Idempotency-Key, kept with what the request did. */
export interface IdempotentAnswer {
  /** Token, method and path. */
  scope: string;
  key: string;
  bodyHash: string;
  status: number;
  /** As sent; or how it is made from the commit's events, for an answer that holds their numbers. */
  body: unknown | ((events: EventEnvelope[]) => unknown);
}

/** What is committed together or not at all. Documents are whole; what is kept of them is a frozen copy. */
export interface Commit {
  puts?: { collection: string; id: string; doc: object }[];
  deletes?: { collection: string; id: string }[];
  events?: NewEvent[];
  answer?: IdempotentAnswer;
  /** Sessions whose events before this commit leave their files for good (ADR-0035); their numbers go on. */
  trims?: string[];
  /** Taken on a full disk too, out of the reserve (ADR-0024): what ends or removes something. @default false */
  essential?: boolean;
}

export interface Committed {
  /** Contiguous from 1. */
  commitSeq: number;
  events: EventEnvelope[];
  /** The head of the feed after this commit. */
  cursor: string;
}

/** What a value is, or one of which words; `id`: the document's own. */
export type Shape = 'id' | 'string' | 'number' | 'object' | 'array' | readonly string[];

/** A collection of documents and where its files are. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a list of collections holds documents of every shape
export interface CollectionSpec<T = any> {
  name: string;
  schemaVersion: number;
  /**
   * The relative path of a document's file, ending in `.json`. The id must be the document's `id`,
   * the name of the file, or the name of its directory: at boot the path is the only index.
   */
  path(id: string, doc: T): string;
  /** The file is the document to the byte, without `schemaVersion`: for what is hashed as it stands and says its version itself. @default false */
  plain?: boolean;
  /**
   * Written once and seldom asked for: a start leaves its files closed, and each is read when somebody asks. Its path
   * follows from the id alone. @default false
   */
  onDemand?: boolean;
  /**
   * Keys that are known of every document after a start, which parses none before somebody asks for it: what `path` and the
   * service's indexes need. @default every document is parsed at a start
   */
  summary?: (keyof T & string)[];
  /** What the summary has besides, made of the document. One that is made otherwise than before needs another name. */
  computed?: Record<string, (doc: T) => unknown>;
  /** What every document has; a file without it is damaged, however well it can be parsed. @default nothing */
  shape?: Partial<Record<keyof T & string, Shape>>;
  /** Keys whose change alone may be written late (with `revision` and `updatedAt`, which change with them). */
  lazyKeys?: string[];
}

/** The bookkeeping that every document may carry; `schemaVersion` is only in the file. */
export interface DocMeta {
  schemaVersion: number;
  revision: number;
}

/** How far the numbering is. */
export interface Head {
  commit: number;
  seq: number;
}
