import { TASK_PRIORITIES, TASK_STATUSES, type TaskPriority, type TaskStatus } from '@orbitmesh/domain';
import type { CreateTaskBody, UpdateTaskBody } from './bodies.js';
import { checkDate } from './checks.js';
import { Checked, Id, IdList, Name, OneOf, Optional, OptionalOrNull, Text, TextList } from './field.js';
import { NAME_CHARS_MAX, REASON_CHARS_MAX, TASK_LIST_MAX, TEXT_CHARS_MAX } from './limits.js';

const DueDate = () => Checked('date', checkDate, { type: 'string', format: 'date-time' });

export class CreateTaskDto implements CreateTaskBody {
  @Id() projectId!: string;
  @Name(NAME_CHARS_MAX) title!: string;
  @OptionalOrNull() @Id() parentId?: string | null;
  @Optional() @Text(0, TEXT_CHARS_MAX) description?: string;
  @Optional() @TextList(TASK_LIST_MAX, REASON_CHARS_MAX) acceptanceCriteria?: string[];
  @Optional() @OneOf(TASK_STATUSES) status?: TaskStatus;
  @Optional() @OneOf(TASK_PRIORITIES) priority?: TaskPriority;
  @Optional() @IdList(TASK_LIST_MAX) dependencies?: string[];
  @OptionalOrNull() @Id() teamMemberId?: string | null;
  @OptionalOrNull() @DueDate() dueDate?: string | null;
}

export class UpdateTaskDto implements UpdateTaskBody {
  @Optional() @Name(NAME_CHARS_MAX) title?: string;
  @OptionalOrNull() @Id() parentId?: string | null;
  @Optional() @Text(0, TEXT_CHARS_MAX) description?: string;
  @Optional() @TextList(TASK_LIST_MAX, REASON_CHARS_MAX) acceptanceCriteria?: string[];
  @Optional() @OneOf(TASK_STATUSES) status?: TaskStatus;
  @Optional() @OneOf(TASK_PRIORITIES) priority?: TaskPriority;
  @Optional() @IdList(TASK_LIST_MAX) dependencies?: string[];
  @OptionalOrNull() @Id() teamMemberId?: string | null;
  @OptionalOrNull() @DueDate() dueDate?: string | null;
}
