import { useMutation, useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { apiPath, createHeaders, request } from '../../api/client';
import { ApiError } from '../../api/errors';
import { sessionQuery, usersQuery } from '../../api/queries';
import type { User } from '../../api/types';
import { Button } from '../../ui/button';
import { TextField } from '../../ui/field';
import { Section } from '../../ui/layout';
import { ErrorState, Skeleton } from '../../ui/states';
import { RelativeTime } from '../../ui/time';
import { showError } from '../../ui/toast';

type UserChange = Partial<Pick<User, 'admin' | 'disabled' | 'display_name'>>;

export default function UsersSection() {
  const { t } = useTranslation();
  const queryClient = useQueryClient();
  const { data: session } = useSuspenseQuery(sessionQuery);
  const { data, error, refetch } = useQuery(usersQuery);
  const change = useMutation({
    mutationFn: ({ name, ...body }: UserChange & { name: string }) =>
      request<User>('PATCH', apiPath('users', name), { body }),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: usersQuery.queryKey }),
    onError: showError,
  });
  return (
    <div className="stack settings-wide">
      <NewUser />
      <Section title={t('settings.users.title')}>
        {data === undefined ? (
          error === null ? (
            <Skeleton lines={4} />
          ) : (
            <ErrorState error={error} retry={() => void refetch()} />
          )
        ) : (
          <div className="table-scroll">
            <table className="plain-table" aria-label={t('settings.users.title')}>
              <thead>
                <tr>
                  <th scope="col">{t('settings.account.name')}</th>
                  <th scope="col" className="wide-only">
                    {t('settings.account.display_name')}
                  </th>
                  <th scope="col">{t('settings.account.role')}</th>
                  <th scope="col" className="wide-only">
                    {t('common.created')}
                  </th>
                  <th scope="col">
                    <span className="visually-hidden">{t('common.actions')}</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {data.items.map((user) => (
                  <tr key={user.id}>
                    <th scope="row">{user.name}</th>
                    <td className="wide-only">{user.display_name}</td>
                    <td>
                      {user.disabled
                        ? t('settings.users.disabled')
                        : user.admin
                          ? t('settings.account.admin')
                          : t('settings.account.member')}
                    </td>
                    <td className="wide-only">
                      <RelativeTime at={user.created_at} />
                    </td>
                    <td className="right">
                      {user.name !== session.user.name && (
                        <>
                          <Button
                            look="quiet"
                            onClick={() => change.mutate({ name: user.name, admin: !user.admin })}
                          >
                            {user.admin
                              ? t('settings.users.unmake_admin')
                              : t('settings.users.make_admin')}
                          </Button>
                          <Button
                            look="quiet"
                            onClick={() =>
                              change.mutate({ name: user.name, disabled: !user.disabled })
                            }
                          >
                            {user.disabled
                              ? t('settings.users.enable')
                              : t('settings.users.disable')}
                          </Button>
                        </>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Section>
    </div>
  );
}

function NewUser() {
  const { t } = useTranslation();
  const queryClient = useQueryClient();
  const [name, setName] = useState('');
  const [displayName, setDisplayName] = useState('');
  const [password, setPassword] = useState('');
  const create = useMutation({
    mutationFn: () =>
      request<User>('POST', apiPath('users'), {
        body: {
          name: name.trim(),
          display_name: displayName.trim() === '' ? name.trim() : displayName.trim(),
          password,
          admin: false,
        },
        headers: createHeaders(),
      }),
    onSuccess: async () => {
      setName('');
      setDisplayName('');
      setPassword('');
      await queryClient.invalidateQueries({ queryKey: usersQuery.queryKey });
    },
  });
  const problem = (field: string) =>
    create.error instanceof ApiError ? create.error.detailFor(field) : undefined;
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        create.mutate();
      }}
    >
      <div className="inline-form">
        <TextField
          label={t('settings.account.name')}
          required
          autoComplete="off"
          spellCheck={false}
          value={name}
          onChange={(event) => setName(event.target.value)}
          problem={problem('name')}
        />
        <TextField
          label={t('settings.account.display_name')}
          autoComplete="off"
          value={displayName}
          onChange={(event) => setDisplayName(event.target.value)}
          problem={problem('display_name')}
        />
        <TextField
          label={t('settings.users.initial_password')}
          type="password"
          required
          autoComplete="new-password"
          value={password}
          onChange={(event) => setPassword(event.target.value)}
          problem={problem('password')}
        />
        <Button type="submit" look="primary" busy={create.isPending}>
          {t('settings.users.create')}
        </Button>
      </div>
      {create.error !== null && <ErrorState error={create.error} />}
    </form>
  );
}
