/** The feed of a session as a person would like to read it. */
export class FeedPrinter {
  #write;
  #since = performance.now();
  /** Output arrives in pieces; a person reads lines. */
  #partial = '';
  #tools = new Map();
  /** A question, a report, and the notification of each say the same: a person reads it once. */
  #told = new Set();

  /** @param {(line: string) => void} write */
  constructor(write) {
    this.#write = write;
  }

  /** @param {{ type: string, data?: any }} event an envelope, design §5 */
  print({ type, data }) {
    if (type === 'output') return this.#output(data.content ?? '');
    this.#flush();
    const line = this.#describe(type, data ?? {});
    if (line) this.#write(`  ${this.#clock()}  ${line}`);
  }

  #describe(type, data) {
    switch (type) {
      case 'status_change': return `state     ${data.oldState} → ${data.newState}`;
      case 'tool_call': return this.#toolCall(data);
      case 'approval_requested': return `asks      ${this.#tell(data.title ?? data.approval?.title ?? 'for permission')}`;
      // What the system itself notes of a beginning and an end, its states say.
      case 'timeline': return data.by === 'system' ? null : `reports   ${data.kind}: ${this.#tell(data.message)}`;
      case 'error': return `error     ${data.code}: ${data.message}`;
      case 'task:session_added': return 'task      linked to the session';
      // The report beside it says the same.
      case 'notify:progress': return null;
      default: return type.startsWith('notify:') ? this.#notification(data.title ?? type, data.message) : null;
    }
  }

  #notification(title, message) {
    return `notified  ${title}${message && !this.#told.has(message) ? `: ${message}` : ''}`;
  }

  #tell(message) {
    this.#told.add(message);
    return message;
  }

  /** One line when a tool begins and one when it is done; updates between are for machines. */
  #toolCall({ toolCallId, title, status }) {
    const known = this.#tools.get(toolCallId);
    const name = title ?? known?.name ?? toolCallId;
    this.#tools.set(toolCallId, { name, status: status ?? known?.status });
    if (!known) return `tool      ${name}`;
    if (status === known.status || (status !== 'completed' && status !== 'failed')) return null;
    return `tool      ${name}: ${status}`;
  }

  #output(text) {
    const lines = (this.#partial + text).split('\n');
    this.#partial = lines.pop();
    for (const line of lines) this.#said(line);
  }

  #flush() {
    if (this.#partial) this.#said(this.#partial);
    this.#partial = '';
  }

  #said(line) {
    if (line.trim()) this.#write(`  ${this.#clock()}  agent     ${line}`);
  }

  #clock() {
    return `${((performance.now() - this.#since) / 1000).toFixed(1).padStart(5)} s`;
  }
}
