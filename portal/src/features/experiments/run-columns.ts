import type { Run } from '../../api/types';

export type RunColumnKind = 'metric' | 'parameter';

export interface RunColumn {
  kind: RunColumnKind;
  key: string;
}

const shownByDefault = 4;

export function columnId(column: RunColumn): string {
  return `${column.kind === 'metric' ? 'm' : 'p'}.${column.key}`;
}

export function parseColumnId(id: string): RunColumn | null {
  const key = id.slice(2);
  if (key === '') return null;
  if (id.startsWith('m.')) return { kind: 'metric', key };
  if (id.startsWith('p.')) return { kind: 'parameter', key };
  return null;
}

export function allColumns(runs: Run[]): RunColumn[] {
  const sorted = (names: Set<string>) =>
    [...names].sort((left, right) => left.localeCompare(right));
  const metrics = new Set(runs.flatMap((run) => Object.keys(run.metrics)));
  const parameters = new Set(runs.flatMap((run) => Object.keys(run.parameters)));
  return [
    ...sorted(metrics).map((key): RunColumn => ({ kind: 'metric', key })),
    ...sorted(parameters).map((key): RunColumn => ({ kind: 'parameter', key })),
  ];
}

/** The metrics, and those parameters that tell the runs apart: one that never changes explains nothing. */
export function defaultColumns(runs: Run[]): RunColumn[] {
  const all = allColumns(runs);
  const metrics = all.filter((column) => column.kind === 'metric').slice(0, shownByDefault);
  const parameters = all.filter((column) => column.kind === 'parameter');
  const varying = parameters.filter(
    (column) => new Set(runs.map((run) => run.parameters[column.key])).size > 1,
  );
  return [...metrics, ...(varying.length > 0 ? varying : parameters).slice(0, shownByDefault)];
}

/** As MLflow's search writes it: names that are not plain words go between backticks. */
export function orderByKey(column: RunColumn): string {
  const name = /^\w+$/.test(column.key) ? column.key : `\`${column.key}\``;
  return `${column.kind === 'metric' ? 'metrics' : 'params'}.${name}`;
}
