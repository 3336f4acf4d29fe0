import type { CreateProjectBody, UpdateProjectBody } from './bodies.js';
import { checkAbsolutePath } from './checks.js';
import { Checked, Flag, Name, Optional, Text } from './field.js';
import { NAME_CHARS_MAX, PATH_CHARS_MAX, TEXT_CHARS_MAX } from './limits.js';

/** An absolute path as text; its existence and its place inside a root are checked where the disk is. */
export const AbsolutePath = () => Checked('absolute path', checkAbsolutePath, { type: 'string', pattern: '^/', maxLength: PATH_CHARS_MAX });

export class CreateProjectDto implements CreateProjectBody {
  @Name(NAME_CHARS_MAX) name!: string;
  @AbsolutePath() workingDir!: string;
  @Optional() @Text(0, TEXT_CHARS_MAX) description?: string;
  @Optional() @Flag() trustRepository?: boolean;
}

export class UpdateProjectDto implements UpdateProjectBody {
  @Optional() @Name(NAME_CHARS_MAX) name?: string;
  @Optional() @AbsolutePath() workingDir?: string;
  @Optional() @Text(0, TEXT_CHARS_MAX) description?: string;
  @Optional() @Flag() trustRepository?: boolean;
}
