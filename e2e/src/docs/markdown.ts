/** A fenced block of a page: what stands between ``` and ```. */
export interface Block {
  page: string;
  /** Line in the page, of its first line. */
  line: number;
  language: string;
  lines: string[];
}

export function blocksOf(page: string, text: string): Block[] {
  const blocks: Block[] = [];
  let open: Block | null = null;
  text.split('\n').forEach((line, n) => {
    const fence = /^\s*```(\S*)/.exec(line);
    if (fence && open) {
      blocks.push(open);
      open = null;
    } else if (fence) {
      open = { page, line: n + 2, language: fence[1], lines: [] };
    } else {
      open?.lines.push(line);
    }
  });
  if (open) throw new Error(`${page}: a block is not closed`);
  return blocks;
}
