import { report, REPORT_WORDS } from '../report.js';
import type { Register } from '../site.js';

/** As `session report`: what an agent types most. */
export const registerReport: Register = (program) => {
  program.add({ ...REPORT_WORDS, name: 'report' }, report);
};
