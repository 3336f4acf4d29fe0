let users: number | undefined;

/** From now on whatever this process makes is for its owner alone. */
export function closeFiles(): void {
  users = process.umask(0o077);
}

/** What is started for its user (set-up, and agents in the end) makes files as its user does. */
export function withUsersUmask<T>(start: () => T): T {
  if (users === undefined) return start();
  process.umask(users);
  try {
    return start();
  } finally {
    process.umask(0o077);
  }
}
