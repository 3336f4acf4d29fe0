import { IsArray, IsInt, IsOptional, IsUrl, Matches, Max, Min } from 'class-validator';
import { EnvList, EnvNumber, ServiceConfig } from '@orbitmesh/service-kit';
import { RETAIN_DAYS_MAX } from './limits.js';

/** Environment of session-service, on top of what every service reads. */
export class SessionServiceConfig extends ServiceConfig {
  /** Where agents find the API; goes into every start. */
  @IsUrl({ require_tld: false, require_protocol: true, protocols: ['http', 'https'] })
  apiUrl: string = 'http://127.0.0.1:4750';

  /** `ORBITMESH_ROOTS`: directories, separated by `:`, in which agents may work beside their project's. */
  @EnvList(':') @IsArray() @Matches(/^\//, { each: true, message: 'each of roots must be an absolute path' })
  roots: string[] = [];

  /** Days after its end for which a session's events are kept; then they go, and the session stays. Unset: for ever. */
  @IsOptional() @EnvNumber() @IsInt() @Min(1) @Max(RETAIN_DAYS_MAX)
  retainDays?: number = undefined;

  /** MiB that sessions' events may take on the disk; past it those of the session that ended longest ago go first. Unset: as many as there are. */
  @IsOptional() @EnvNumber() @IsInt() @Min(1)
  retainMib?: number = undefined;
}
