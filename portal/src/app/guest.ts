/** Parts of a project that guests have no part in, as their addresses and icons are called. */
export const membersOnly: ReadonlySet<string> = new Set(['jobs', 'environments', 'endpoints']);
