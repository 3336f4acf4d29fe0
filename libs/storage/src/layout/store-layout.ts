import type { CollectionSpec } from '../commit.js';

/**
 * Which documents a service keeps, and where: known here, beside the store, because not only the service itself reads a home.
 * The doctor and the backup do so without it (ADR-0022).
 */
export interface StoreLayout {
  /** Relative to the home. */
  dir: string;
  collections: CollectionSpec[];
  sessionEvents?: (sessionId: string) => string;
}
