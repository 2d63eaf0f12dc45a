import type { Job, Run } from '../../api/types';

export interface ForkParameter {
  name: string;
  /** As the run had it; null: a parameter that was added in the dialog. */
  old: string | null;
  value: string;
}

function plainName(name: string): string {
  return name.replace(/^-{1,2}/, '').replaceAll('-', '_');
}

/** The parameters that a fork can change: the job's own, and those of the run that its command names. */
export function forkParameters(
  job: Pick<Job, 'command' | 'parameters'>,
  run: Pick<Run, 'parameters'>,
) {
  const named = new Set(
    job.command
      .slice(1)
      .filter((word) => word.startsWith('-') || word.includes('='))
      .map((word) => plainName(word.split('=')[0] ?? word)),
  );
  const found = new Map(Object.entries(job.parameters));
  for (const [name, value] of Object.entries(run.parameters))
    if (!found.has(name) && named.has(plainName(name))) found.set(name, value);
  return [...found]
    .sort(([left], [right]) => left.localeCompare(right))
    .map(([name, value]): ForkParameter => ({ name, old: value, value }));
}

/** What differs from the run: all that a fork has to say. */
export function changedParameters(parameters: ForkParameter[]): Record<string, string> {
  return Object.fromEntries(
    parameters
      .filter((one) => one.name.trim() !== '' && one.value !== one.old)
      .map((one) => [one.name.trim(), one.value]),
  );
}
