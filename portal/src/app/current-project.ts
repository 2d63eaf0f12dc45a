import type { Session } from '../api/types';

const storageKey = 'maru.project';

export function rememberProject(name: string): void {
  localStorage.setItem(storageKey, name);
}

/** The project last looked at, else the server's default one, else the first; null when there is none. */
export function homeProject(session: Session): string | null {
  const names = session.projects.map((project) => project.name);
  const last = localStorage.getItem(storageKey);
  if (last !== null && names.includes(last)) return last;
  return names.includes('default') ? 'default' : (names[0] ?? null);
}
