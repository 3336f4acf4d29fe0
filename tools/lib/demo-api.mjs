import WebSocket from 'ws';
import { FEED_RETRY_MS } from './limits.mjs';
import { Refusal } from './say.mjs';

/** As much of the REST API and the feed as the demo needs, in plain sight: what any client would send. */
export class DemoApi {
  #url;
  #headers;

  constructor(url, token) {
    this.#url = url;
    this.#headers = { authorization: `Bearer ${token}` };
  }

  get(path) {
    return this.#request('GET', path);
  }

  post(path, body) {
    return this.#request('POST', path, body);
  }

  /**
   * Calls `onEvent` with every event of the filter from now on, in order; a lost connection goes on where it was.
   * @returns {Promise<() => void>} ends it; resolves once the feed runs
   */
  follow(filter, onEvent) {
    let cursor;
    let ended = false;
    let socket;
    const open = (subscribed) => {
      socket = new WebSocket(`${this.#url.replace('http', 'ws')}/ws`, { headers: this.#headers });
      socket.on('open', () => socket.send(JSON.stringify({ type: 'subscribe', filter, after: cursor })));
      socket.on('message', (bytes) => {
        const frame = JSON.parse(bytes.toString());
        if (frame.type === 'event') {
          cursor = frame.event.cursor;
          onEvent(frame.event);
        }
        if (frame.type === 'subscribed') {
          cursor ??= frame.cursor;
          subscribed();
        }
      });
      // What went wrong shows as a close, and a close is tried again.
      socket.on('error', () => {});
      socket.on('close', () => { if (!ended) setTimeout(open, FEED_RETRY_MS, subscribed); });
    };
    return new Promise((done) => {
      open(() => done(() => {
        ended = true;
        socket.close();
      }));
    });
  }

  async #request(method, path, body) {
    const response = await fetch(`${this.#url}${path}`, {
      method,
      headers: { ...this.#headers, ...(body ? { 'content-type': 'application/json' } : {}) },
      body: body ? JSON.stringify(body) : undefined,
    });
    const answer = await response.json();
    if (!response.ok) throw new Refusal(`${method} ${path} was answered ${response.status} ${answer.code}: ${answer.detail}`);
    return answer;
  }
}
