export const ORDERED_ENTITIES = ['task', 'session'] as const;
export type OrderedEntity = (typeof ORDERED_ENTITIES)[number];

/** The ids of a project's tasks or sessions that somebody placed; all others follow in creation order (design §4.2). */
export interface Ordering {
  /** `<entityType>_<projectId>`. */
  id: string;
  projectId: string;
  entityType: OrderedEntity;
  ids: string[];
  /** null: nobody has placed anything yet; then the revision is 0. */
  updatedAt: string | null;
  revision: number;
}
