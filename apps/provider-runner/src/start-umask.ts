/** Octal: the umask of whoever started this process, read before it is set to 077; agents get it back (design §3). */
export const startUmask = process.umask(0o077).toString(8).padStart(3, '0');
