/** Which columns someone chose last for an experiment, in this browser. */
function storageKey(project: string, experiment: string): string {
  return `maru.columns.${project}/${experiment}`;
}

export function recallColumns(project: string, experiment: string): string[] | null {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(storageKey(project, experiment)) ?? '');
    return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : null;
  } catch {
    return null;
  }
}

export function rememberColumns(project: string, experiment: string, ids: string[] | null): void {
  try {
    if (ids === null) localStorage.removeItem(storageKey(project, experiment));
    else localStorage.setItem(storageKey(project, experiment), JSON.stringify(ids));
  } catch {
    // A full or forbidden storage forgets; the address still holds them.
  }
}
