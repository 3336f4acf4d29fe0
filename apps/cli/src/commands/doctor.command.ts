import type { DoctorOptions } from '../doctor/doctor.js';
import type { Register } from '../site.js';

const MORE_DOCTOR = `It looks at everything in the home (ORBITMESH_HOME): each document and each session's events against the log, left-overs, locks,
processes of runs that are over, run/stack.json, who may read what, and the disk. It only reads, and may do so while OrbitMesh runs.

--fix mends what can be mended: what it replaces it keeps, under quarantine/, and nothing is deleted that could not be made again.
What belongs to a service that is at work is left to it: orbitmesh down first.
--adopt makes a file that you edited what OrbitMesh knows, as an ordinary update, with its checks, its revision and its event.
--restored is for a disk or a machine that was set back to a snapshot: clients that have seen more are then told. A home that was copied
back from a backup needs no word: that is noticed.

Exit code 1 while something is wrong. How to back up and restore: docs/how-to/back-up-and-restore.md`;

export const registerDoctor: Register = (program) => {
  program.add<DoctorOptions>({
    name: 'doctor', about: 'look for what is wrong in a home, and mend it; it may run or not', more: MORE_DOCTOR,
    options: [['--fix', 'mend what can be mended, and say what was done'], ['--adopt <file>', 'take in a document that you edited'], ['--restored', 'say that this home was set back to an older state']],
  }, async (context, { options }) => {
    const { doctor } = await import('../doctor/doctor.js');
    await doctor(context, options);
  });
};

const MORE_BACKUP = `Also while OrbitMesh runs: everything that was acknowledged before is in it, and it is of one moment. What is there is a home:
ORBITMESH_HOME=PATH orbitmesh up starts it. Agents are not in it, only what they said and what they keep of their conversations.`;

export const registerBackup: Register = (program) => {
  program.add<object, [path: string]>({ name: 'backup', about: 'copy the home, as it is now, to a new directory', args: [['<path>', 'where to; it must not be there yet']], more: MORE_BACKUP }, async (context, call) => {
    const { backUp } = await import('../doctor/back-up.js');
    await backUp(context, call);
  });
};
