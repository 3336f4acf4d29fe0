const NONE: ReadonlySet<string> = new Set();

/** Ids by a key that they have one of at a time, or none. */
export class Grouping {
  private readonly keys = new Map<string, string>();
  private readonly groups = new Map<string, Set<string>>();

  of(key: string): ReadonlySet<string> {
    return this.groups.get(key) ?? NONE;
  }

  move(id: string, key: string | undefined): void {
    const before = this.keys.get(id);
    if (before === key) return;
    if (before !== undefined) this.leave(id, before);
    if (key === undefined) {
      this.keys.delete(id);
      return;
    }
    this.keys.set(id, key);
    const group = this.groups.get(key);
    if (group) group.add(id);
    else this.groups.set(key, new Set([id]));
  }

  private leave(id: string, key: string): void {
    const group = this.groups.get(key);
    group?.delete(id);
    if (group?.size === 0) this.groups.delete(key);
  }
}
