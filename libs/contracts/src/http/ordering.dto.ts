import type { MoveInOrderingBody } from './bodies.js';
import { Id, IdList, Optional } from './field.js';
import { ORDERING_IDS_MAX } from './limits.js';

export class ReplaceOrderingDto {
  @IdList(ORDERING_IDS_MAX) ids!: string[];
}

/** Exactly one of `before` and `after`. */
export class MoveInOrderingDto implements MoveInOrderingBody {
  @Id() id!: string;
  @Optional() @Id() before?: string;
  @Optional() @Id() after?: string;
}
