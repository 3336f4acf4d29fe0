import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@orbitmesh/domain';
import type { Login } from '@orbitmesh/messaging';
import type { ServiceConfig } from './service.config.js';

/**
 * A service is a NATS user by its own name (ADR-0030). Its password is in a file: an environment is shown to whoever looks at the process.
 * @throws CONFIG_INVALID when the file cannot be read, or is empty
 */
export async function natsLogin(service: string, { natsPasswords }: Pick<ServiceConfig, 'natsPasswords'>): Promise<Login | undefined> {
  if (natsPasswords === undefined) return undefined;
  const file = join(natsPasswords, service);
  const password = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new AppError('CONFIG_INVALID', `ORBITMESH_NATS_PASSWORDS is to have the NATS password of ${service} in a file of that name; ${file} cannot be read (${cause.code}).`, {}, { cause });
  });
  if (password.trim() === '') throw new AppError('CONFIG_INVALID', `${file} is to hold the NATS password of ${service}; it is empty.`);
  return { user: service, password: password.trim() };
}
