import type { KeptDocument } from './kept-document.js';

/** Documents of the snapshot that were asked for last: they need not be read and parsed again. All views have the same ones. */
export class RecentDocuments {
  /** In the order of their last use. */
  private readonly docs = new Map<KeptDocument, object>();
  private bytes = 0;

  /** @param bytesMax of their lines: as objects they take a few times that */
  constructor(private readonly bytesMax: number) {}

  /** undefined when the snapshot is damaged there. @throws STORAGE_READ */
  read(kept: KeptDocument): object | undefined {
    const known = this.docs.get(kept);
    if (known !== undefined) this.docs.delete(kept);
    const doc = known ?? kept.read();
    if (doc === undefined) return undefined;
    this.docs.set(kept, doc);
    if (known === undefined) this.bytes += kept.size;
    this.trim();
    return doc;
  }

  private trim(): void {
    for (const kept of this.docs.keys()) {
      if (this.bytes <= this.bytesMax) return;
      this.docs.delete(kept);
      this.bytes -= kept.size;
    }
  }
}
