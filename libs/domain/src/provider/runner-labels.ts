/** What tells runners apart (`ORBITMESH_RUNNER_LABELS`), e.g. `{gpu: 'a100'}`. */
export type RunnerLabels = Record<string, string>;

/** Something that may say which runner is wanted. */
export interface LabelChooser { runnerLabels?: RunnerLabels | null }

/** What a session's runner must have been given, as a whole: the request's over its team member's over its project's. */
export function runnerLabelsFor(request: LabelChooser, member: LabelChooser | null, project: LabelChooser): RunnerLabels {
  return request.runnerLabels ?? member?.runnerLabels ?? project.runnerLabels ?? {};
}

/** How urgent a session may be, and how little: of those that wait for a runner, the greatest comes first. */
export const SESSION_PRIORITY = { least: -100, usual: 0, most: 100 } as const;
