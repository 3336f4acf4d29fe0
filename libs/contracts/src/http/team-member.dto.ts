import { PERMISSION_MODES, type PermissionMode, type RunnerLabels } from '@orbitmesh/domain';
import type { CreateTeamMemberBody, UpdateTeamMemberBody } from './bodies.js';
import { Id, Name, OneOf, Optional, OptionalOrNull, Pattern, Text, TextList } from './field.js';
import { AVATAR_CHARS_MAX, MEMBER_LIST_MAX, MEMBER_MEMORY_MAX, MEMBER_TEXT_CHARS_MAX, NAME_CHARS_MAX, TEXT_CHARS_MAX } from './limits.js';
import { Labels } from './project.dto.js';
import { PROVIDER_NAME } from './session.dto.js';

/** All but the name, which a new member must have: what a subclass says of a field is added to what its parent said. */
class TeamMemberFieldsDto {
  @Optional() @Text(0, NAME_CHARS_MAX) role?: string;
  @Optional() @Text(0, TEXT_CHARS_MAX) identity?: string;
  @Optional() @Text(0, AVATAR_CHARS_MAX) avatar?: string;
  @OptionalOrNull() @Pattern(PROVIDER_NAME, 'must be the name of a provider') provider?: string | null;
  @OptionalOrNull() @Text(1, NAME_CHARS_MAX) model?: string | null;
  @OptionalOrNull() @OneOf(PERMISSION_MODES) permissionMode?: PermissionMode | null;
  @OptionalOrNull() @Labels() runnerLabels?: RunnerLabels | null;
  @Optional() @TextList(MEMBER_LIST_MAX, NAME_CHARS_MAX) capabilities?: string[];
  @Optional() @TextList(MEMBER_LIST_MAX, MEMBER_TEXT_CHARS_MAX) skills?: string[];
  @Optional() @TextList(MEMBER_MEMORY_MAX, MEMBER_TEXT_CHARS_MAX) memory?: string[];
}

export class UpdateTeamMemberDto extends TeamMemberFieldsDto implements UpdateTeamMemberBody {
  @Optional() @Name(NAME_CHARS_MAX) name?: string;
}

export class CreateTeamMemberDto extends TeamMemberFieldsDto implements CreateTeamMemberBody {
  @OptionalOrNull() @Id() projectId?: string | null;
  @Name(NAME_CHARS_MAX) name!: string;
}

/** One more thing that the member is to remember. */
export class AddMemoryDto {
  @Text(1, MEMBER_TEXT_CHARS_MAX) text!: string;
}

export class ReplaceMemoryDto {
  @TextList(MEMBER_MEMORY_MAX, MEMBER_TEXT_CHARS_MAX) memory!: string[];
}
