import {
  PERMISSION_MODES, SESSION_MODES, SESSION_PRIORITY, TASK_STATUSES, TIMELINE_KINDS, type McpServerConfig, type PermissionMode, type ReportKind, type RunnerLabels, type SessionMode, type TaskStatus,
} from '@orbitmesh/domain';
import type { ContinueSessionBody, PostTimelineBody, SpawnSessionBody } from './bodies.js';
import { checkCustom, checkEnvironment, checkSecrets } from './checks.js';
import { Checked, Flag, Id, IdList, ListOf, Name, OneOf, Optional, Pattern, Text, TextList, Whole } from './field.js';
import {
  MAP_VALUE_CHARS_MAX, MCP_ARGS_MAX, MCP_SERVERS_MAX, NAME_CHARS_MAX, PATH_CHARS_MAX, REASON_CHARS_MAX, SESSION_TASKS_MAX, TEXT_CHARS_MAX,
} from './limits.js';
import { AbsolutePath, Labels } from './project.dto.js';

export const PROVIDER_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const strings = { type: 'object', additionalProperties: { type: 'string' } };
const Environment = () => Checked('environment', checkEnvironment, strings);

export class McpServerDto implements McpServerConfig {
  @Name(NAME_CHARS_MAX) name!: string;
  @Text(1, PATH_CHARS_MAX) command!: string;
  @Optional() @TextList(MCP_ARGS_MAX, MAP_VALUE_CHARS_MAX) args: string[] = [];
  @Optional() @Environment() env: Record<string, string> = {};
}

/** design §4.3. */
export class SpawnSessionDto implements SpawnSessionBody {
  @Id() projectId!: string;
  @Optional() @IdList(SESSION_TASKS_MAX) taskIds?: string[];
  @Optional() @Pattern(PROVIDER_NAME, 'must be the name of a configured provider') providerType?: string;
  @Optional() @AbsolutePath() workingDir?: string;
  @Optional() @Name(NAME_CHARS_MAX) name?: string;
  @Optional() @OneOf(SESSION_MODES) mode?: SessionMode;
  @Optional() @Text(1, NAME_CHARS_MAX) model?: string;
  @Optional() @OneOf(PERMISSION_MODES) permissionMode?: PermissionMode;
  @Optional() @Id() teamMemberId?: string;
  @Optional() @Id() parentSessionId?: string;
  @Optional() @Text(1, TEXT_CHARS_MAX) initialDirective?: string;
  @Optional() @Text(0, TEXT_CHARS_MAX) systemPrompt?: string;
  @Optional() @Environment() environment?: Record<string, string>;
  @Optional() @Checked('secrets', checkSecrets, strings) secrets?: Record<string, string>;
  @Optional() @ListOf(() => McpServerDto, MCP_SERVERS_MAX) mcpServers?: McpServerDto[];
  @Optional() @Checked('custom', checkCustom, { type: 'object' }) custom?: Record<string, unknown>;
  @Optional() @Labels() runnerLabels?: RunnerLabels;
  /** Of those that wait for a runner, the greatest comes first; an agent's sessions have at most its own. */
  @Optional() @Whole(SESSION_PRIORITY.least, SESSION_PRIORITY.most) priority?: number;
}

/** What it says anew; the rest is as in the session it continues. */
export class ContinueSessionDto implements ContinueSessionBody {
  @Text(1, TEXT_CHARS_MAX) initialDirective!: string;
  @Optional() @Name(NAME_CHARS_MAX) name?: string;
  @Optional() @OneOf(SESSION_MODES) mode?: SessionMode;
  @Optional() @Text(1, NAME_CHARS_MAX) model?: string;
  @Optional() @OneOf(PERMISSION_MODES) permissionMode?: PermissionMode;
  @Optional() @Text(0, TEXT_CHARS_MAX) systemPrompt?: string;
  @Optional() @Environment() environment?: Record<string, string>;
  @Optional() @Checked('secrets', checkSecrets, strings) secrets?: Record<string, string>;
  @Optional() @Checked('custom', checkCustom, { type: 'object' }) custom?: Record<string, unknown>;
}

export class UpdateSessionDto {
  @Optional() @Name(NAME_CHARS_MAX) name?: string;
}

/** The body of stop, pause, resume, kill and interrupt; may be left out. */
export class ActionDto {
  @Optional() @Text(0, REASON_CHARS_MAX) reason?: string;
}

export class InputDto {
  @Text(1, TEXT_CHARS_MAX) text!: string;
  /** Into the turn that runs: 409 NOT_SUPPORTED where the agent cannot. False: when the turn has ended. */
  @Optional() @Flag() steer?: boolean;
}

export class PostTimelineDto implements PostTimelineBody {
  @OneOf(TIMELINE_KINDS) kind!: ReportKind;
  @Text(1, TEXT_CHARS_MAX) message!: string;
  @Optional() @Id() taskId?: string;
  @Optional() @OneOf(TASK_STATUSES) taskStatus?: TaskStatus;
}

/** One of `optionId` and `decision`. */
export class AnswerApprovalDto {
  @Optional() @Text(1, NAME_CHARS_MAX) optionId?: string;
  @Optional() @OneOf(['allow', 'deny']) decision?: 'allow' | 'deny';
  @Optional() @Text(0, REASON_CHARS_MAX) reason?: string;
}
