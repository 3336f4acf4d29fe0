const NONE: ReadonlySet<string> = new Set();

/** Ids by a key that they have one of at a time, or none. */
export class Grouping {
  private readonly keys = new Map<string, string>();
  private readonly groups = new Map<string, Set<string>>();

  of(key: string): ReadonlySet<string> {
    return this.groups.get(key) ?? NONE;
  }

  /** False: it was there. */
  move(id: string, key: string | undefined): boolean {
    const before = this.keys.get(id);
    if (before === key) return false;
    if (before !== undefined) this.leave(id, before);
    if (key === undefined) {
      this.keys.delete(id);
      return true;
    }
    this.keys.set(id, key);
    const group = this.groups.get(key);
    if (group) group.add(id);
    else this.groups.set(key, new Set([id]));
    return true;
  }

  private leave(id: string, key: string): void {
    const group = this.groups.get(key);
    group?.delete(id);
    if (group?.size === 0) this.groups.delete(key);
  }
}
