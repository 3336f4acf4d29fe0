/** Those that are wanted, one by one: a page stops asking when it is full. */
export function* filtered<T>(items: Iterable<T>, wanted: (item: T) => boolean): Iterable<T> {
  for (const item of items) if (wanted(item)) yield item;
}
