import { EnvList, EnvNumber, ServiceConfig } from '@orbitmesh/service-kit';
import { IsArray, IsInt, IsOptional, IsString, Matches, Max, Min } from 'class-validator';
import { CAPACITY_DEFAULT } from './limits.js';

export class ProviderRunnerConfig extends ServiceConfig {
  /** Runs at once; more are refused, and their sessions wait, visibly. */
  @EnvNumber()
  @IsInt() @Min(1) @Max(1_000)
  runnerCapacity: number = CAPACITY_DEFAULT;

  /** `key=value` labels, shown with the runner. */
  @EnvList(',')
  @IsArray() @IsString({ each: true }) @Matches(/^[A-Za-z0-9._-]+=[^,]*$/, { each: true })
  runnerLabels: string[] = [];

  /** Octal, what agents make files with. Unset: the umask this process was started with. */
  @IsOptional() @Matches(/^[0-7]{3,4}$/)
  userUmask: string | undefined = undefined;
}
