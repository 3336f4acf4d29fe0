/** The position of the first id that is not smaller: where an id is, or belongs, in a sorted list. */
export function positionOf(ids: readonly string[], id: string): number {
  // Ids are ULIDs: most are newer than all before.
  if (ids.length === 0 || id > ids[ids.length - 1]) return ids.length;
  let low = 0;
  for (let high = ids.length; low < high; ) {
    const middle = (low + high) >>> 1;
    if (ids[middle] < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The position of the first id that is greater. */
function positionAfter(ids: readonly string[], id: string): number {
  const at = positionOf(ids, id);
  return ids[at] === id ? at + 1 : at;
}

/** Those that are greater than `after`, one by one: what nobody asks for is not looked at. Ids may come and go meanwhile. */
export function* idsAfter(ids: readonly string[], after?: string): Iterable<string> {
  for (let at = after === undefined ? 0 : positionAfter(ids, after); at < ids.length; ) {
    const id = ids[at];
    yield id;
    at = ids[at] === id ? at + 1 : positionAfter(ids, id);
  }
}

/** Takes in an id that is not there yet. */
export function insertId(ids: string[], id: string): void {
  const at = positionOf(ids, id);
  if (at === ids.length) ids.push(id);
  else ids.splice(at, 0, id);
}

/** Takes out an id that is there. */
export function removeId(ids: string[], id: string): void {
  ids.splice(positionOf(ids, id), 1);
}
