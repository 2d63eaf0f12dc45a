import type { Run } from '../../api/types';

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
