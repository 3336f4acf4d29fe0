import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { CONVERSATION_BYTES_MAX } from './limits.js';
import { isConversation, type StoredConversation } from './memory.js';

const SCHEMA_VERSION = 1;
/** An id becomes the name of a file. */
const ID = /^[A-Za-z0-9_-]{1,100}$/;

/**
 * Conversations on disk, one file each, in the directory the runner names by `ORBITMESH_AGENT_STATE`
 * (ADR-0011). Written here by hand: libs/storage would take this small program longer to load than all the rest.
 */
export class ConversationFiles {
  private constructor(private readonly directory: string) {}

  /** Null: there is no place, so this agent keeps nothing, and says so when it is asked what it can. */
  static in(directory: string | undefined): ConversationFiles | null {
    return directory ? new ConversationFiles(directory) : null;
  }

  /** @throws Error that says what is wrong with it; there is never another one instead. */
  async load(id: string): Promise<StoredConversation> {
    if (!ID.test(id)) throw new Error('This is not the id of a conversation of mine.');
    const text = await this.read(id);
    let document: unknown;
    try {
      document = JSON.parse(text);
    } catch {
      throw new Error(`The conversation ${id} is damaged: its file is not JSON.`);
    }
    const { schemaVersion, ...conversation } = (document ?? {}) as { schemaVersion?: unknown };
    if (typeof schemaVersion === 'number' && schemaVersion > SCHEMA_VERSION) throw new Error(`The conversation ${id} was written by a later version of this agent.`);
    if (schemaVersion !== SCHEMA_VERSION || !isConversation(conversation, id)) throw new Error(`The conversation ${id} is damaged: its file does not hold what it should.`);
    return conversation;
  }

  /** When it resolves, the conversation survives a power cut. @throws the system's error; the one before is then untouched */
  async save(conversation: StoredConversation): Promise<void> {
    if (!ID.test(conversation.id)) throw new Error('the id cannot be part of a file name');
    const temporary = join(this.directory, `.${conversation.id}.${randomUUID()}.tmp`);
    try {
      await withFile(await open(temporary, 'wx', 0o600), async (file) => {
        await file.writeFile(`${JSON.stringify({ schemaVersion: SCHEMA_VERSION, ...conversation }, null, 2)}\n`);
        await file.sync();
      });
      await rename(temporary, this.pathOf(conversation.id));
    } finally {
      await rm(temporary, { force: true });
    }
    await withFile(await open(this.directory, constants.O_RDONLY | constants.O_DIRECTORY), (directory) => directory.sync());
  }

  /** Without following a link, and without waiting for what is no file. */
  private async read(id: string): Promise<string> {
    const problem = (what: string): Error => new Error(`The conversation ${id} cannot be gone on with: ${what}.`);
    let opened: FileHandle;
    try {
      opened = await open(this.pathOf(id), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') throw problem('it is not, or no longer, kept on this runner');
      throw problem(code === 'ELOOP' ? 'its file is a link, which is not followed' : `its file cannot be read (${code})`);
    }
    return withFile(opened, async (file) => {
      const found = await file.stat();
      if (!found.isFile()) throw problem('it is not in a regular file');
      if (found.size > CONVERSATION_BYTES_MAX) throw problem(`its file is larger than ${CONVERSATION_BYTES_MAX} bytes`);
      return file.readFile('utf8');
    });
  }

  private pathOf(id: string): string {
    return join(this.directory, `${id}.json`);
  }
}

async function withFile<T>(file: FileHandle, work: (file: FileHandle) => Promise<T>): Promise<T> {
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}
