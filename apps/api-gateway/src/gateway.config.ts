import { IsBoolean, IsInt, IsNotEmpty, IsString, Matches, Max, Min, ValidateBy } from 'class-validator';
import { EnvFlag, EnvList, EnvNumber, ServiceConfig } from '@orbitmesh/service-kit';
import { isLoopback } from './http/addresses.js';
import { REQUEST_RATE_MAX } from './limits.js';

const rate = (): PropertyDecorator => (target, key) => {
  for (const check of [EnvNumber(), IsInt(), Min(0), Max(REQUEST_RATE_MAX)]) check(target, key);
};

export class GatewayConfig extends ServiceConfig {
  /** Beyond loopback only on purpose. */
  @IsString() @IsNotEmpty() @IsMeant()
  host = '127.0.0.1';

  /** 0: any free port. */
  @EnvNumber() @IsInt() @Min(0) @Max(65_535)
  port = 4750;

  /** Other machines may reach it. */
  @EnvFlag() @IsBoolean()
  allowRemote = false;

  /** Beside loopback: `name` (any port) or `name:port`, as they stand in the Host header. */
  @EnvList(',') @Matches(/^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/, { each: true, message: 'each value in ORBITMESH_ALLOWED_HOSTS must be a name or an address, with a port or without (mesh.example:4750, mesh.example); there are no wildcards' })
  allowedHosts: string[] = [];

  /** Beside our own: `scheme://host[:port]`, exactly as browsers send them. */
  @EnvList(',') @Matches(/^[a-z][a-z0-9+.-]*:\/\/[^/\s]+$/, { each: true, message: 'each value in ORBITMESH_ALLOWED_ORIGINS must be an origin as browsers send it, without a path (https://mesh.example); there are no wildcards' })
  allowedOrigins: string[] = [];

  /** Requests a second of one token, ten seconds' worth of them at once; 0: no bound. */
  @rate()
  adminRate = 0;
  @rate()
  userRate = 100;
  @rate()
  agentRate = 50;
  /** The same of refused ones of one address; past it they are refused with 429, and nothing else is. */
  @rate()
  refusedRate = 20;
}

/** Without a way in that was named, everybody who can reach the port could try. */
function IsMeant(): PropertyDecorator {
  return ValidateBy({
    name: 'isMeant',
    validator: {
      validate: (host, args) => {
        const { allowRemote, allowedHosts } = args?.object as GatewayConfig;
        return isLoopback(String(host)) || (allowRemote === true && Array.isArray(allowedHosts) && allowedHosts.length > 0);
      },
      defaultMessage: () => 'ORBITMESH_HOST lets other machines in, where whoever has a token runs commands as this user: '
        + 'if that is meant, set ORBITMESH_ALLOW_REMOTE=1, and ORBITMESH_ALLOWED_HOSTS to the names it is called by; else leave ORBITMESH_HOST out',
    },
  });
}
