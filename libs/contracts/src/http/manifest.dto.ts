import { PERMISSION_MODES, SESSION_MODES, TASK_PRIORITIES, type Manifest, type McpServerConfig, type PermissionMode, type SessionMode } from '@orbitmesh/domain';
import { MANIFEST_BYTES_MAX } from '../rpc/limits.js';
import { parseJsonBody } from './body.js';
import { checkCustom, checkEnvironment, checkSecrets } from './checks.js';
import { Checked, Flag, Id, IdList, ListOf, Name, ObjectOf, OneOf, Optional, OrNull, Pattern, Text, TextList } from './field.js';
import {
  MAP_VALUE_CHARS_MAX, MCP_ARGS_MAX, MCP_SERVERS_MAX, MEMBER_LIST_MAX, MEMBER_MEMORY_MAX, MEMBER_TEXT_CHARS_MAX, NAME_CHARS_MAX, PATH_CHARS_MAX, REASON_CHARS_MAX, SESSION_TASKS_MAX,
  TASK_LIST_MAX, TEXT_CHARS_MAX,
} from './limits.js';
import { AbsolutePath } from './project.dto.js';
import { PROVIDER_NAME } from './session.dto.js';
import { validateDto, validationError } from './validate.js';

const strings = { type: 'object', additionalProperties: { type: 'string' } };
const Environment = () => Checked('environment', checkEnvironment, strings);

export class ManifestTaskDto {
  @Id() id!: string;
  @Name(NAME_CHARS_MAX) title!: string;
  @Text(0, TEXT_CHARS_MAX) description!: string;
  @TextList(TASK_LIST_MAX, REASON_CHARS_MAX) acceptanceCriteria!: string[];
  @OneOf(TASK_PRIORITIES) priority!: string;
  @IdList(TASK_LIST_MAX) dependencies!: string[];
}

export class ManifestTeamMemberDto {
  @Id() id!: string;
  @Name(NAME_CHARS_MAX) name!: string;
  @Text(0, NAME_CHARS_MAX) role!: string;
  @Text(0, TEXT_CHARS_MAX) identity!: string;
  @TextList(MEMBER_LIST_MAX, MEMBER_TEXT_CHARS_MAX) skills!: string[];
  @TextList(MEMBER_MEMORY_MAX, MEMBER_TEXT_CHARS_MAX) memory!: string[];
}

export class ManifestMcpServerDto implements McpServerConfig {
  @Name(NAME_CHARS_MAX) name!: string;
  @Text(1, PATH_CHARS_MAX) command!: string;
  @TextList(MCP_ARGS_MAX, MAP_VALUE_CHARS_MAX) args!: string[];
  @Environment() env!: Record<string, string>;
}

export class ManifestProviderDto {
  @Pattern(PROVIDER_NAME, 'must be the name of a provider') type!: string;
  @OrNull() @Text(1, NAME_CHARS_MAX) model!: string | null;
  @OneOf(PERMISSION_MODES) permissionMode!: PermissionMode;
  @ListOf(() => ManifestMcpServerDto, MCP_SERVERS_MAX) mcpServers!: ManifestMcpServerDto[];
  @Checked('custom', checkCustom, { type: 'object' }) custom!: Record<string, unknown>;
}

export class ManifestParentDto {
  @Id() sessionId!: string;
  @Name(NAME_CHARS_MAX) name!: string;
}

/** Manifest 1.0 (design §8): every field is there (but one that says what is not so else), and no other. The prompts are bounded by the whole. */
export class ManifestDto implements Manifest {
  @OneOf(['1.0']) manifestVersion!: '1.0';
  @Id() sessionId!: string;
  @Id() projectId!: string;
  @OneOf(SESSION_MODES) mode!: SessionMode;
  @Text(0, MANIFEST_BYTES_MAX) systemPrompt!: string;
  @Text(1, MANIFEST_BYTES_MAX) prompt!: string;
  @ListOf(() => ManifestTaskDto, SESSION_TASKS_MAX) tasks!: ManifestTaskDto[];
  @OrNull() @ObjectOf(() => ManifestTeamMemberDto) teamMember!: ManifestTeamMemberDto | null;
  @ObjectOf(() => ManifestProviderDto) provider!: ManifestProviderDto;
  @AbsolutePath() workingDir!: string;
  @Optional() @Flag() trustRepository?: boolean;
  @Environment() environment!: Record<string, string>;
  @Checked('secrets', checkSecrets, strings) secrets!: Record<string, string>;
  @OrNull() @ObjectOf(() => ManifestParentDto) parent!: ManifestParentDto | null;
  @OrNull() @Text(1, TEXT_CHARS_MAX) initialDirective!: string | null;
}

/**
 * The bytes of a manifest, strictly read.
 * @throws VALIDATION_FAILED or SECRET_BY_VALUE, with a pointer for each problem
 */
export function parseManifest(bytes: Uint8Array): Manifest {
  if (bytes.byteLength > MANIFEST_BYTES_MAX) throw validationError([{ pointer: '', detail: `must be at most ${MANIFEST_BYTES_MAX} bytes` }], 'body');
  return validateDto(ManifestDto, parseJsonBody(bytes));
}
