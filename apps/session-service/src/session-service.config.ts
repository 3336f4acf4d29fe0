import { IsArray, IsUrl, Matches } from 'class-validator';
import { EnvList, ServiceConfig } from '@orbitmesh/service-kit';

/** Environment of session-service, on top of what every service reads. */
export class SessionServiceConfig extends ServiceConfig {
  /** Where agents find the API; goes into every start. */
  @IsUrl({ require_tld: false, require_protocol: true, protocols: ['http', 'https'] })
  apiUrl: string = 'http://127.0.0.1:4750';

  /** `ORBITMESH_ROOTS`: directories, separated by `:`, in which agents may work beside their project's. */
  @EnvList(':') @IsArray() @Matches(/^\//, { each: true, message: 'each of roots must be an absolute path' })
  roots: string[] = [];
}
