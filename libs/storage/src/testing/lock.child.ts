import { AppError } from '@orbitmesh/domain';
import { DirectoryLock } from '../lock/directory.lock.js';

/** Takes the lock of a directory and holds it until it is killed; says how that went. */
try {
  await DirectoryLock.acquire(process.argv[2]);
  console.log('held');
  setInterval(() => undefined, 60_000);
} catch (error) {
  if (!(error instanceof AppError)) throw error;
  console.log(`refused ${error.code} ${String(error.details.pid)}`);
}
