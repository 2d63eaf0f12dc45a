/** The packages of an environment's lock, `name==version` a line; names as PyPI compares them. */
export function parsePackages(lock: string): Map<string, string> {
  const packages = new Map<string, string>();
  for (const line of lock.split('\n')) {
    const found = /^([\w.-]+)(?:\[[^\]]*\])?\s*(?:===?|@)\s*([^\s;]+)/.exec(line);
    if (found === null) continue;
    packages.set((found[1] ?? '').toLowerCase().replaceAll(/[-_.]+/g, '-'), found[2] ?? '');
  }
  return packages;
}

export interface PackageRow {
  name: string;
  /** Of each environment; null: it does not have the package. */
  versions: (string | null)[];
}

/** The packages that environments do not have alike. */
export function differingPackages(environments: Map<string, string>[]): PackageRow[] {
  const names = [...new Set(environments.flatMap((one) => [...one.keys()]))].sort((left, right) =>
    left.localeCompare(right),
  );
  return names
    .map((name) => ({ name, versions: environments.map((one) => one.get(name) ?? null) }))
    .filter((row) => new Set(row.versions).size > 1);
}
