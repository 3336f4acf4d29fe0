import type { RunnerLabels } from '@orbitmesh/domain';
import type { CreateProjectBody, UpdateProjectBody } from './bodies.js';
import { checkAbsolutePath, checkRunnerLabels } from './checks.js';
import { Checked, Flag, Name, Optional, OptionalOrNull, Text, Whole } from './field.js';
import { NAME_CHARS_MAX, PATH_CHARS_MAX, PROJECT_SESSIONS_MAX, RUNNER_LABEL_CHARS_MAX, RUNNER_LABELS_MAX, TEXT_CHARS_MAX } from './limits.js';

/** An absolute path as text; its existence and its place inside a root are checked where the disk is. */
export const AbsolutePath = () => Checked('absolute path', checkAbsolutePath, { type: 'string', pattern: '^/', maxLength: PATH_CHARS_MAX });

/** Labels that a runner must have been given. */
export const Labels = () => Checked('runner labels', checkRunnerLabels, {
  type: 'object', maxProperties: RUNNER_LABELS_MAX, additionalProperties: { type: 'string', maxLength: RUNNER_LABEL_CHARS_MAX },
});

export class CreateProjectDto implements CreateProjectBody {
  @Name(NAME_CHARS_MAX) name!: string;
  @AbsolutePath() workingDir!: string;
  @Optional() @Text(0, TEXT_CHARS_MAX) description?: string;
  @Optional() @Flag() trustRepository?: boolean;
  @Optional() @Labels() runnerLabels?: RunnerLabels;
  @OptionalOrNull() @Whole(1, PROJECT_SESSIONS_MAX) maxSessions?: number | null;
}

export class UpdateProjectDto implements UpdateProjectBody {
  @Optional() @Name(NAME_CHARS_MAX) name?: string;
  @Optional() @AbsolutePath() workingDir?: string;
  @Optional() @Text(0, TEXT_CHARS_MAX) description?: string;
  @Optional() @Flag() trustRepository?: boolean;
  @Optional() @Labels() runnerLabels?: RunnerLabels;
  @OptionalOrNull() @Whole(1, PROJECT_SESSIONS_MAX) maxSessions?: number | null;
}
