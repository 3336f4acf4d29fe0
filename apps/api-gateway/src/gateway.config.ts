import { IsInt, IsNotEmpty, IsString, Matches, Max, Min } from 'class-validator';
import { EnvList, EnvNumber, ServiceConfig } from '@orbitmesh/service-kit';

export class GatewayConfig extends ServiceConfig {
  @IsString() @IsNotEmpty()
  host = '127.0.0.1';

  /** 0: any free port. */
  @EnvNumber() @IsInt() @Min(0) @Max(65_535)
  port = 4750;

  /** Beside loopback: `name` (any port) or `name:port`, as they stand in the Host header. */
  @EnvList(',') @Matches(/^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/, { each: true })
  allowedHosts: string[] = [];

  /** Beside our own: `scheme://host[:port]`, exactly as browsers send them. */
  @EnvList(',') @Matches(/^[a-z][a-z0-9+.-]*:\/\/[^/\s]+$/, { each: true })
  allowedOrigins: string[] = [];
}
