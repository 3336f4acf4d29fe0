/** Logs with the run's ids in it; never gets output, environment or secrets. */
export type RunLog = (level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void;
