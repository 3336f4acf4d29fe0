import { deepFreeze } from './deep-freeze.js';

/** A document of a snapshot that nobody has asked for yet: a start parses none of them (ADR-0028). */
export class KeptDocument {
  private doc: object | undefined;

  /** @param bytes of the whole snapshot @param docAt where in it the document's JSON is @param summary what is known without it */
  constructor(
    private readonly bytes: Buffer,
    private readonly lineAt: { start: number; end: number },
    private readonly docAt: { start: number; end: number },
    readonly summary: object,
  ) {}

  read(): object {
    return this.doc ??= deepFreeze(JSON.parse(this.bytes.toString('utf8', this.docAt.start, this.docAt.end)) as object);
  }

  /** As the snapshot has it, with its checksum and its line feed. */
  get line(): Buffer {
    return this.bytes.subarray(this.lineAt.start, this.lineAt.end);
  }
}
