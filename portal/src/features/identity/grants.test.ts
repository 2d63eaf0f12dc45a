import { describe, expect, it } from 'vitest';
import { isGuest } from '../../api/permissions';
import type { ResourcePermissionEntry, Session } from '../../api/types';
import { isGivenHere, suggestedUsers, withoutEffect } from './grants';

const entry: ResourcePermissionEntry = {
  user: 'grace',
  role: null,
  kind: 'experiment',
  resource: '7',
  name: 'iris',
  permission: 'READ',
};

describe('permissions on one experiment or model', () => {
  it('add nothing to an owner, nor what the role gives already', () => {
    expect(withoutEffect('owner', 'DENY')).toBe('owner');
    expect(withoutEffect('developer', 'MANAGE')).toBe('less');
    expect(withoutEffect('viewer', 'READ')).toBe('less');
    expect(withoutEffect('viewer', 'EDIT')).toBeNull();
    expect(withoutEffect('developer', 'DENY')).toBeNull();
    expect(withoutEffect(undefined, 'READ')).toBeNull();
  });

  it('are changed here only where they were given here, to a user', () => {
    expect(isGivenHere(entry)).toBe(true);
    expect(isGivenHere({ ...entry, resource: '*' })).toBe(false);
    expect(isGivenHere({ ...entry, user: null, role: 'readers' })).toBe(false);
  });

  it('are suggested for those who have limits and nothing here yet', () => {
    const members = [
      { user: 'olga', role: 'owner' as const },
      { user: 'dev', role: 'developer' as const },
      { user: 'grace', role: 'viewer' as const },
    ];
    expect(suggestedUsers(members, ['olga', 'zoe', 'dev'], [entry])).toEqual(['dev', 'zoe']);
    // What holds for all does not keep from giving something here.
    expect(suggestedUsers(members, [], [{ ...entry, resource: '*' }])).toEqual(['dev', 'grace']);
  });
});

describe('a guest', () => {
  const session = (admin: boolean) =>
    ({ user: { admin }, projects: [{ name: 'one', role: 'guest' }] }) as unknown as Session;

  it('is no administrator and is one in that project only', () => {
    expect(isGuest(session(false), 'one')).toBe(true);
    expect(isGuest(session(false), 'two')).toBe(false);
    expect(isGuest(session(true), 'one')).toBe(false);
    expect(isGuest(undefined, 'one')).toBe(false);
  });
});
