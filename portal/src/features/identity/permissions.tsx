import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { membersQuery } from '../../api/queries';
import type { Member, ResourcePermissionEntry } from '../../api/types';
import { Button, IconButton } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Section } from '../../ui/layout';
import { EmptyState, ErrorState, Skeleton } from '../../ui/states';
import { showToast } from '../../ui/toast';
import {
  grantsQuery,
  isGivenHere,
  permissionOfRole,
  takeBack,
  type Grant,
  type GrantedResource,
} from './grants';
import { PermissionDialog } from './permission-dialog';
import './permissions.css';

interface PermissionsProps extends GrantedResource {
  /** What people call it. */
  name: string;
}

/** Who may do what with one experiment or registered model; for the project's owners. */
export default function Permissions({ project, kind, resource, name }: PermissionsProps) {
  const { t } = useTranslation();
  const queryClient = useQueryClient();
  const subject = { project, kind, resource };
  const grants = useQuery(grantsQuery(subject));
  const members = useQuery(membersQuery(project));
  const [edited, setEdited] = useState<Grant | 'new' | null>(null);
  const [removed, setRemoved] = useState<Grant | null>(null);
  const refresh = () => queryClient.invalidateQueries({ queryKey: ['permissions', project] });
  // Both at once: what comes later would push down what is below it.
  if (grants.data === undefined || members.data === undefined) {
    const error = grants.error ?? members.error;
    return error === null ? (
      <Skeleton lines={6} />
    ) : (
      <ErrorState
        error={error}
        retry={() => {
          void grants.refetch();
          void members.refetch();
        }}
      />
    );
  }
  const entries = grants.data.items;
  const roles = new Map(members.data.items.map((member) => [member.user, member.role]));
  const add = (
    <Button icon="plus" onClick={() => setEdited('new')}>
      {t('permissions.add')}
    </Button>
  );
  return (
    <div className="stack permissions">
      {entries.length === 0 ? (
        <EmptyState
          title={t('permissions.empty')}
          command={`maru project permissions ${kind === 'experiment' ? `--experiment ${resource}` : `--model ${resource}`} --add USER --permission READ`}
          action={add}
        >
          {t('permissions.empty_text')}
        </EmptyState>
      ) : (
        <>
          <div className="row">
            <p className="muted grow">{t('permissions.text')}</p>
            {add}
          </div>
          <table className="plain-table" aria-label={t('permissions.title')}>
            <thead>
              <tr>
                <th scope="col">{t('permissions.who')}</th>
                <th scope="col">{t('permissions.permission')}</th>
                <th scope="col">{t('permissions.from')}</th>
                <th scope="col">
                  <span className="visually-hidden">{t('common.actions')}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {entries.map((entry) => (
                <tr key={`${entry.user ?? ''} ${entry.role ?? ''} ${entry.resource}`}>
                  <th scope="row">
                    <Who entry={entry} isMember={roles.has(entry.user ?? '')} />
                  </th>
                  <td>
                    <PermissionName permission={entry.permission} />
                  </td>
                  <td>
                    {entry.resource === '*'
                      ? t(`permissions.all.${entry.kind}`)
                      : t(`permissions.here.${entry.kind}`)}
                  </td>
                  <td className="right nowrap">
                    {isGivenHere(entry) && (
                      <>
                        <IconButton
                          icon="edit"
                          label={t('permissions.edit', { user: entry.user })}
                          onClick={() => setEdited(entry)}
                        />
                        <IconButton
                          icon="trash"
                          label={t('permissions.take', { user: entry.user })}
                          onClick={() => setRemoved(entry)}
                        />
                      </>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
      <ByRole members={members.data.items} />
      {edited !== null && (
        <PermissionDialog
          subject={subject}
          name={name}
          grant={edited === 'new' ? null : edited}
          entries={entries}
          members={members.data.items}
          onSaved={(saved) => {
            setEdited(null);
            void refresh();
            showToast(t('permissions.saved', { ...saved, name }));
          }}
          onClose={() => setEdited(null)}
        />
      )}
      {removed !== null && (
        <RemoveDialog
          subject={subject}
          name={name}
          grant={removed}
          role={roles.get(removed.user)}
          onRemoved={() => {
            setRemoved(null);
            void refresh();
            showToast(t('permissions.removed', { user: removed.user }));
          }}
          onClose={() => setRemoved(null)}
        />
      )}
    </div>
  );
}

function Who({ entry, isMember }: { entry: ResourcePermissionEntry; isMember: boolean }) {
  const { t } = useTranslation();
  return (
    <span className="row tight">
      {entry.user ?? entry.role}
      {entry.user === null ? (
        <span className="chip">{t('permissions.role')}</span>
      ) : (
        !isMember && <span className="chip">{t('permissions.no_member')}</span>
      )}
    </span>
  );
}

function PermissionName({ permission }: { permission: Grant['permission'] }) {
  const { t } = useTranslation();
  return (
    <span title={t(`permissions.means.${permission}`)}>
      <span className={permission === 'DENY' ? 'chip' : 'chip strong'}>{permission}</span>{' '}
      <span className="muted wide-inline">{t(`permissions.means.${permission}`)}</span>
    </span>
  );
}

function ByRole({ members }: { members: Member[] }) {
  const { t } = useTranslation();
  return (
    <Section title={t('permissions.members')}>
      <table className="plain-table" aria-label={t('permissions.members')}>
        <tbody>
          {members.map((member) => (
            <tr key={member.user}>
              <th scope="row">{member.user}</th>
              <td>{permissionOfRole(member.role)}</td>
              <td>{t(`role.${member.role}`)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  );
}

interface RemoveDialogProps {
  subject: GrantedResource;
  name: string;
  grant: Grant;
  role: Member['role'] | undefined;
  onRemoved: () => void;
  onClose: () => void;
}

function RemoveDialog({ subject, name, grant, role, onRemoved, onClose }: RemoveDialogProps) {
  const { t } = useTranslation();
  const remove = useMutation({
    mutationFn: () => takeBack(subject, grant.user),
    onSuccess: onRemoved,
  });
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={t('permissions.remove_title', { ...grant })}
      description={
        role === undefined
          ? t('permissions.remove_outsider', { user: grant.user, name })
          : t('permissions.remove_member', { role: t(`role.${role}`) })
      }
    >
      {remove.error !== null && <ErrorState error={remove.error} />}
      <div className="form-actions">
        <Button onClick={onClose}>{t('action.cancel')}</Button>
        <Button look="danger" busy={remove.isPending} onClick={() => remove.mutate()}>
          {t('permissions.remove')}
        </Button>
      </div>
    </Dialog>
  );
}
