import { EnvList, EnvNumber, ServiceConfig } from '@orbitmesh/service-kit';
import { ArrayMaxSize, IsArray, IsInt, IsOptional, IsString, IsUrl, Matches, Max, Min } from 'class-validator';
import { CAPACITY_DEFAULT, ROOTS_MAX } from './limits.js';

export class ProviderRunnerConfig extends ServiceConfig {
  /** Runs at once; more are refused, and their sessions wait, visibly. */
  @EnvNumber()
  @IsInt() @Min(1) @Max(1_000)
  runnerCapacity: number = CAPACITY_DEFAULT;

  /** `key=value` labels: a session may ask for runners that have certain ones. */
  @EnvList(',')
  @IsArray() @IsString({ each: true }) @Matches(/^[A-Za-z0-9._-]{1,63}=[^,\s]{0,63}$/, { each: true })
  runnerLabels: string[] = [];

  /** The directories that this runner has, e.g. what is mounted where it runs: it takes sessions in them and in no others. Unset: any that it sees. */
  @EnvList(':')
  @IsArray() @ArrayMaxSize(ROOTS_MAX) @Matches(/^\//, { each: true })
  runnerRoots: string[] = [];

  /** What its machine is called among others: its runners are then `<name>-0`, `<name>-1`, … instead of `slot-0`, which every home begins with. */
  @IsOptional() @Matches(/^[A-Za-z0-9-]{1,40}$/)
  runnerName: string | undefined = undefined;

  /** Where agents find the API from this machine. Unset: what session-service says, as it is called there. */
  @IsOptional() @IsUrl({ require_tld: false, require_protocol: true, protocols: ['http', 'https'] })
  apiUrl: string | undefined = undefined;

  /** Octal, what agents make files with. Unset: the umask this process was started with. */
  @IsOptional() @Matches(/^[0-7]{3,4}$/)
  userUmask: string | undefined = undefined;
}
