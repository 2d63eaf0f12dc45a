import type { MetricNumber, Run } from '../../api/types';

export interface CompareRow {
  key: string;
  values: (string | undefined)[];
  differs: boolean;
}

export function compareRows(runs: Run[], read: (run: Run) => Record<string, string>): CompareRow[] {
  const all = runs.map(read);
  const keys = [...new Set(all.flatMap((one) => Object.keys(one)))];
  keys.sort((left, right) => left.localeCompare(right));
  return keys.map((key) => {
    const values = all.map((one) => one[key]);
    return { key, values, differs: new Set(values).size > 1 };
  });
}

/** How far a value is from the baseline's: the difference, and as a share of it. */
export function difference(
  value: MetricNumber | undefined,
  baseline: MetricNumber | undefined,
): { amount: number; share: number | null } | null {
  if (typeof value !== 'number' || typeof baseline !== 'number') return null;
  const amount = value - baseline;
  return { amount, share: baseline === 0 ? null : amount / Math.abs(baseline) };
}

/** Which artifacts can be set side by side: those that any of the runs has, by path. */
export function unionOfPaths(lists: { path: string; is_directory: boolean }[][]): string[] {
  const paths = new Set(
    lists.flatMap((list) => list.filter((one) => !one.is_directory).map((one) => one.path)),
  );
  return [...paths].sort((left, right) => left.localeCompare(right));
}
