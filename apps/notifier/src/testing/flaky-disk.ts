import { nodeFs, type StorageFs } from '@orbitmesh/storage';

/** A disk whose fsyncs can be held back and made to fail. */
export class FlakyDisk {
  failing = false;
  gate: Promise<void> = Promise.resolve();
  syncs = 0;

  readonly fs: StorageFs = {
    ...nodeFs,
    open: async (...args) => {
      const file = await nodeFs.open(...args);
      const sync = (real: () => Promise<void>) => async () => {
        this.syncs += 1;
        await this.gate;
        if (this.failing) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
        await real();
      };
      return {
        append: (bytes) => file.append(bytes), read: (offset, length) => file.read(offset, length), size: () => file.size(), close: () => file.close(),
        sync: sync(() => file.sync()), datasync: sync(() => file.datasync()),
      };
    },
  };
}
