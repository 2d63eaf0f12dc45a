import { useQuery } from '@tanstack/react-query';
import { sessionQuery } from './queries';
import type { Role, Session } from './types';

const ranks: Record<Role, number> = { guest: -1, viewer: 0, developer: 1, owner: 2 };

/** Whether the session's user has at least this role in a project; administrators own every one. */
export function hasRole(session: Session | undefined, project: string, least: Role): boolean {
  if (session === undefined) return false;
  if (session.user.admin) return true;
  const role = session.projects.find((one) => one.name === project)?.role;
  return role !== undefined && ranks[role] >= ranks[least];
}

/** Who is no member sees the experiments and models that he was given, and nothing else. */
export function isGuest(session: Session | undefined, project: string): boolean {
  return (
    session !== undefined &&
    !session.user.admin &&
    session.projects.find((one) => one.name === project)?.role === 'guest'
  );
}

export function useIsGuest(project: string): boolean {
  return isGuest(useQuery(sessionQuery).data, project);
}

/** What people may not do is not offered to them; the server refuses it in any case. */
export function useHasRole(project: string, least: Role): boolean {
  return hasRole(useQuery(sessionQuery).data, project, least);
}
