import { useMutation, useQuery } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiError } from '../../api/errors';
import { sessionQuery, usersQuery } from '../../api/queries';
import {
  resourcePermissions,
  type Member,
  type ResourcePermission,
  type ResourcePermissionEntry,
} from '../../api/types';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { TextField } from '../../ui/field';
import { ErrorState } from '../../ui/states';
import {
  give,
  isGivenHere,
  permissionOfRole,
  suggestedUsers,
  withoutEffect,
  type Grant,
  type GrantedResource,
} from './grants';

interface PermissionDialogProps {
  subject: GrantedResource;
  name: string;
  /** null: a new one. */
  grant: Grant | null;
  entries: ResourcePermissionEntry[];
  members: Member[];
  onSaved: (grant: Grant) => void;
  onClose: () => void;
}

export function PermissionDialog(props: PermissionDialogProps) {
  const { subject, name, grant, entries, members, onSaved, onClose } = props;
  const { t } = useTranslation();
  const [typed, setTyped] = useState(grant?.user ?? '');
  const [permission, setPermission] = useState<ResourcePermission>(grant?.permission ?? 'READ');
  const isAdmin = useQuery(sessionQuery).data?.user.admin === true;
  // Only administrators may list everyone; owners know their members, and type other names.
  const users = useQuery({ ...usersQuery, enabled: isAdmin && grant === null });
  const listId = useId();
  const user = typed.trim();
  const save = useMutation({
    mutationFn: (wanted: Grant) => give(subject, wanted),
    onSuccess: (_, wanted) => onSaved(wanted),
  });
  const problem = save.error instanceof ApiError ? save.error.detailFor('user') : undefined;
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={t(grant === null ? 'permissions.add' : 'permissions.change')}
      description={t('permissions.dialog_text', { name })}
    >
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate({ user, permission });
        }}
      >
        <TextField
          label={t('permissions.user')}
          required
          disabled={grant !== null}
          // eslint-disable-next-line jsx-a11y/no-autofocus -- it is what one opened the dialog for
          autoFocus={grant === null}
          list={listId}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
          problem={problem}
        />
        <datalist id={listId}>
          {suggestedUsers(members, users.data?.items.map((one) => one.name) ?? [], entries).map(
            (one) => (
              <option key={one} value={one} />
            ),
          )}
        </datalist>
        <fieldset className="permission-choices">
          <legend>{t('permissions.permission')}</legend>
          {resourcePermissions.map((one) => (
            <label key={one}>
              <input
                type="radio"
                name={`${listId}-permission`}
                checked={permission === one}
                onChange={() => setPermission(one)}
              />
              <span className="permission-name">{one}</span>
              <span className="muted">{t(`permissions.means.${one}`)}</span>
            </label>
          ))}
        </fieldset>
        <Effect {...props} user={user} permission={permission} />
        {save.error !== null && problem === undefined && <ErrorState error={save.error} />}
        <div className="form-actions">
          <Button onClick={onClose}>{t('action.cancel')}</Button>
          <Button type="submit" look="primary" busy={save.isPending}>
            {t('permissions.save')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** What should be known before it is saved; room for it is kept, so that nothing jumps. */
function Effect({
  grant,
  entries,
  members,
  user,
  permission,
}: PermissionDialogProps & { user: string; permission: ResourcePermission }) {
  const { t } = useTranslation();
  const role = members.find((one) => one.user === user)?.role;
  const effect = withoutEffect(role, permission);
  const there = entries.find((one) => isGivenHere(one) && one.user === user);
  return (
    <p className="field-hint permission-effect" role="status">
      {effect === 'owner'
        ? t('permissions.owner_hint', { user })
        : effect === 'less'
          ? t('permissions.less_hint', { user, permission: permissionOfRole(role) })
          : grant === null && there !== undefined
            ? t('permissions.replaces', { user, permission: there.permission })
            : ''}
    </p>
  );
}
