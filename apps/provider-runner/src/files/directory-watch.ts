import { watch, type FSWatcher } from 'node:fs';
import { WATCH_EVENTS_MAX, WATCH_REST_MS, WATCH_WINDOW_MS } from '../limits.js';

export interface WatchOptions {
  dir: string;
  /** A file of it, by name, may have changed. */
  onFile(name: string): void;
  /** It is watched now, or not: then its user has to look by itself. */
  onWatched(watched: boolean): void;
}

/**
 * Tells at once what changes in a directory, as long as that is told sensibly: each write of an agent is an event of
 * its own, so whoever writes ten thousand lines keeps the runner busy with hearing of it. Then it rests and tries again.
 */
export class DirectoryWatch {
  private watcher: FSWatcher | undefined;
  private timer: NodeJS.Timeout | undefined;
  private events = 0;
  private since = 0;

  constructor(private readonly options: WatchOptions) {
    this.begin();
  }

  close(): void {
    clearTimeout(this.timer);
    this.watcher?.close();
    this.watcher = undefined;
  }

  private begin(): void {
    this.events = 0;
    this.since = performance.now();
    try {
      this.watcher = watch(this.options.dir, (_event, name) => this.heard(name ?? ''));
      this.watcher.on('error', () => { if (this.watcher) this.rest(); });
      this.options.onWatched(true);
    } catch {
      // No more inotify instances or descriptors, or the directory is gone, closed, or something else by now: an agent can do that to its own.
      this.rest();
    }
  }

  private heard(name: string): void {
    if (!this.watcher) return;
    this.options.onFile(name);
    this.events += 1;
    if (this.events < WATCH_EVENTS_MAX) return;
    const quick = performance.now() - this.since < WATCH_WINDOW_MS;
    this.events = 0;
    this.since = performance.now();
    if (quick) this.rest();
  }

  private rest(): void {
    this.close();
    this.options.onWatched(false);
    this.timer = setTimeout(() => this.begin(), WATCH_REST_MS);
  }
}
