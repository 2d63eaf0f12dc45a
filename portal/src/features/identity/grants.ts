import { queryOptions } from '@tanstack/react-query';
import { apiPath, request } from '../../api/client';
import type {
  Member,
  Page,
  ResourceKind,
  ResourcePermission,
  ResourcePermissionEntry,
  Role,
} from '../../api/types';

/** An experiment (by id) or a registered model (by name). */
export interface GrantedResource {
  project: string;
  kind: ResourceKind;
  resource: string;
}

export interface Grant {
  user: string;
  permission: ResourcePermission;
}

function path(project: string): string {
  return apiPath('projects', project, 'permissions');
}

export function grantsQuery({ project, kind, resource }: GrantedResource) {
  return queryOptions({
    queryKey: ['permissions', project, kind, resource],
    queryFn: ({ signal }) =>
      request<Page<ResourcePermissionEntry>>('GET', path(project), {
        query: { kind, resource },
        signal,
      }),
  });
}

export function give({ project, kind, resource }: GrantedResource, grant: Grant) {
  return request('PUT', path(project), { body: { ...grant, kind, resource } });
}

export function takeBack({ project, kind, resource }: GrantedResource, user: string) {
  return request('DELETE', path(project), { query: { user, kind, resource } });
}

/** What the role in the project is worth on each experiment and model; nothing to who has none. */
export function permissionOfRole(role: Role | undefined): ResourcePermission | null {
  if (role === undefined || role === 'guest') return null;
  return role === 'viewer' ? 'READ' : 'MANAGE';
}

const ranks: Record<Exclude<ResourcePermission, 'DENY'>, number> = {
  READ: 0,
  USE: 1,
  EDIT: 2,
  MANAGE: 3,
};

/** Why a permission would change nothing: 'owner' has no limits, 'less' than the role's adds nothing. */
export function withoutEffect(
  role: Role | undefined,
  permission: ResourcePermission,
): 'owner' | 'less' | null {
  if (role === 'owner') return 'owner';
  const byRole = permissionOfRole(role);
  if (byRole === null || byRole === 'DENY' || permission === 'DENY') return null;
  return ranks[permission] <= ranks[byRole] ? 'less' : null;
}

/** Given to one user on this very thing: what can be changed and taken back here. */
export function isGivenHere(
  entry: ResourcePermissionEntry,
): entry is ResourcePermissionEntry & { user: string } {
  return entry.user !== null && entry.resource !== '*';
}

/** Whom to suggest: those who have limits and were given nothing here yet. */
export function suggestedUsers(
  members: readonly Member[],
  users: readonly string[],
  entries: readonly ResourcePermissionEntry[],
): string[] {
  const left = new Set([...members.map((one) => one.user), ...users]);
  for (const member of members) if (member.role === 'owner') left.delete(member.user);
  for (const entry of entries) if (isGivenHere(entry)) left.delete(entry.user);
  return [...left].sort((a, b) => a.localeCompare(b));
}
