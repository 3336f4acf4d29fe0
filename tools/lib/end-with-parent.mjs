// node end-with-parent.mjs <script> [arguments]: runs the script, and kills its process group when the parent is gone,
// also by kill -9. The parent gives it an IPC channel and a group of its own.
import { pathToFileURL } from 'node:url';

process.on('disconnect', () => process.kill(-process.pid, 'SIGKILL'));
// Waiting for that is no reason to stay.
process.channel.unref();

process.argv.splice(1, 1);
await import(pathToFileURL(process.argv[1]).href);
