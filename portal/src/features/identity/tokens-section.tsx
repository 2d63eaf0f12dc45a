import { useMutation, useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { apiPath, createHeaders, request } from '../../api/client';
import { ApiError } from '../../api/errors';
import { sessionQuery, tokensQuery } from '../../api/queries';
import type { CreatedToken, Token, TokenScope } from '../../api/types';
import { Button } from '../../ui/button';
import { CodeBlock, CopyButton } from '../../ui/copy';
import { SelectField, TextField } from '../../ui/field';
import { Section } from '../../ui/layout';
import { EmptyState, ErrorState, Skeleton } from '../../ui/states';
import { RelativeTime } from '../../ui/time';
import { showError, showToast } from '../../ui/toast';

const daySeconds = 24 * 60 * 60;
const lifetimes = ['7', '30', '90', '365', ''] as const;

export default function TokensSection() {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(tokensQuery);
  const queryClient = useQueryClient();
  const [created, setCreated] = useState<CreatedToken | null>(null);
  const revoke = useMutation({
    mutationFn: (token: Token) => request('DELETE', apiPath('tokens', token.id)),
    onSuccess: async (_, token) => {
      if (created?.id === token.id) setCreated(null);
      await queryClient.invalidateQueries({ queryKey: tokensQuery.queryKey });
      showToast(t('settings.tokens.revoked', { name: token.name }));
    },
    onError: showError,
  });
  return (
    <div className="stack settings-wide">
      <p className="muted">{t('settings.tokens.text')}</p>
      <NewToken onCreated={setCreated} />
      {created !== null && (
        <div className="secret" role="status">
          <p>
            <strong>{t('settings.tokens.secret', { name: created.name })}</strong>
          </p>
          <div className="row">
            <code>{created.secret}</code>
            <CopyButton text={created.secret} label={t('settings.tokens.copy')} />
          </div>
          <CodeBlock
            label={t('common.terminal')}
            code={`export MARU_URL=${window.location.origin}\nexport MARU_TOKEN=...`}
          />
        </div>
      )}
      <Section title={t('settings.tokens.list')}>
        {data === undefined ? (
          error === null ? (
            <Skeleton lines={4} />
          ) : (
            <ErrorState error={error} retry={() => void refetch()} />
          )
        ) : data.items.length === 0 ? (
          <EmptyState title={t('settings.tokens.empty')} />
        ) : (
          <div className="table-scroll">
            <table className="plain-table" aria-label={t('settings.tokens.list')}>
              <thead>
                <tr>
                  <th scope="col">{t('settings.tokens.name')}</th>
                  <th scope="col">{t('settings.tokens.scopes')}</th>
                  <th scope="col">{t('nav.project')}</th>
                  <th scope="col">{t('settings.tokens.expires')}</th>
                  <th scope="col">{t('settings.tokens.used')}</th>
                  <th scope="col">
                    <span className="visually-hidden">{t('common.actions')}</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {data.items.map((token) => (
                  <tr key={token.id}>
                    <th scope="row">{token.name}</th>
                    <td>{token.scopes.map((scope) => t(`scope.${scope}`)).join(', ')}</td>
                    <td>{token.project ?? t('common.all')}</td>
                    <td>
                      {token.expires_at === null ? (
                        t('settings.tokens.never')
                      ) : (
                        <RelativeTime at={token.expires_at} />
                      )}
                    </td>
                    <td>
                      <RelativeTime at={token.last_used_at} />
                    </td>
                    <td className="right">
                      <Button
                        look="quiet"
                        busy={revoke.isPending && revoke.variables.id === token.id}
                        onClick={() => revoke.mutate(token)}
                        aria-label={t('settings.tokens.revoke_named', { name: token.name })}
                      >
                        {t('settings.tokens.revoke')}
                      </Button>
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

function NewToken({ onCreated }: { onCreated: (token: CreatedToken) => void }) {
  const { t } = useTranslation();
  const queryClient = useQueryClient();
  const { data: session } = useSuspenseQuery(sessionQuery);
  const [name, setName] = useState('');
  const [scope, setScope] = useState<TokenScope>('write');
  const [project, setProject] = useState('');
  const [days, setDays] = useState('90');
  const create = useMutation({
    mutationFn: () =>
      request<CreatedToken>('POST', apiPath('tokens'), {
        body: {
          name: name.trim(),
          scopes: scope === 'write' ? ['read', 'write'] : ['read'],
          ...(project === '' ? {} : { project }),
          ...(days === '' ? {} : { expires_in_s: Number(days) * daySeconds }),
        },
        headers: createHeaders(),
      }),
    onSuccess: async (token) => {
      setName('');
      onCreated(token);
      await queryClient.invalidateQueries({ queryKey: tokensQuery.queryKey });
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
          label={t('settings.tokens.name')}
          required
          placeholder="laptop"
          value={name}
          onChange={(event) => setName(event.target.value)}
          problem={problem('name')}
        />
        <SelectField
          label={t('settings.tokens.scopes')}
          value={scope}
          onChange={(event) => setScope(event.target.value === 'read' ? 'read' : 'write')}
        >
          <option value="write">{t('settings.tokens.read_write')}</option>
          <option value="read">{t('settings.tokens.read_only')}</option>
        </SelectField>
        <SelectField
          label={t('nav.project')}
          value={project}
          onChange={(event) => setProject(event.target.value)}
        >
          <option value="">{t('settings.tokens.all_projects')}</option>
          {session.projects.map((one) => (
            <option key={one.name}>{one.name}</option>
          ))}
        </SelectField>
        <SelectField
          label={t('settings.tokens.expires')}
          value={days}
          onChange={(event) => setDays(event.target.value)}
        >
          {lifetimes.map((lifetime) => (
            <option key={lifetime} value={lifetime}>
              {lifetime === ''
                ? t('settings.tokens.never')
                : t('settings.tokens.days', { count: Number(lifetime) })}
            </option>
          ))}
        </SelectField>
        <Button type="submit" look="primary" busy={create.isPending}>
          {t('settings.tokens.create')}
        </Button>
      </div>
      {create.error !== null && <ErrorState error={create.error} />}
    </form>
  );
}
