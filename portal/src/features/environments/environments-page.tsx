import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { apiPath, createHeaders, request } from '../../api/client';
import { ApiError } from '../../api/errors';
import { environmentsQuery } from '../../api/queries';
import type { Environment } from '../../api/types';
import { formatBytes, shortId } from '../../i18n/format';
import { Button } from '../../ui/button';
import { DataTable, type Column } from '../../ui/data-table';
import { Dialog } from '../../ui/dialog';
import { TextAreaField, TextField } from '../../ui/field';
import { PageHeader } from '../../ui/layout';
import { StateBadge } from '../../ui/state-badge';
import { EmptyState, ErrorState } from '../../ui/states';
import { RelativeTime } from '../../ui/time';

export function EnvironmentsPage() {
  const { t } = useTranslation();
  const { project } = useParams({ from: '/signed-in/$project/environments' });
  const query = useQuery(environmentsQuery(project));
  const [isCreating, setCreating] = useState(false);
  const columns: Column<Environment>[] = [
    {
      key: 'state',
      title: t('jobs.state'),
      width: '112px',
      hideWhenNarrow: true,
      cell: (environment) => <StateBadge state={environment.state} />,
    },
    {
      key: 'name',
      title: t('environments.name'),
      cell: (environment) => (
        <span className="row-main">
          <span className="narrow-only">
            <StateBadge state={environment.state} iconOnly />
          </span>
          <Link
            to="/$project/environments/$environment"
            params={{ project, environment: environment.name ?? environment.id }}
            data-row-link
          >
            {environment.name ?? shortId(environment.id)}
          </Link>
          <span className="muted cut wide-inline" title={environment.requirements}>
            {environment.requirements.trim().split('\n').join(', ')}
          </span>
        </span>
      ),
    },
    {
      key: 'version',
      title: t('environments.version'),
      width: '72px',
      align: 'right',
      hideWhenNarrow: true,
      cell: (environment) => (environment.version === 0 ? '–' : environment.version),
    },
    {
      key: 'size',
      title: t('environments.size'),
      width: '96px',
      align: 'right',
      cell: (environment) =>
        environment.state === 'ready' ? formatBytes(environment.size_bytes) : '–',
    },
    {
      key: 'created',
      title: t('common.created'),
      width: '104px',
      align: 'right',
      cell: (environment) => <RelativeTime at={environment.created_at} />,
    },
  ];
  return (
    <div className="page">
      <PageHeader
        title={t('nav.environments')}
        documentTitle={t('nav.environments')}
        actions={
          <Button look="primary" icon="plus" onClick={() => setCreating(true)}>
            {t('environments.new')}
          </Button>
        }
      />
      <DataTable
        label={t('nav.environments')}
        columns={columns}
        rows={query.data?.items}
        rowKey={(environment) => environment.id}
        error={query.error}
        retry={() => void query.refetch()}
        empty={
          <EmptyState
            title={t('environments.empty')}
            command="maru env create --name torch requirements.txt"
            action={<Button onClick={() => setCreating(true)}>{t('environments.new')}</Button>}
          >
            {t('environments.empty_text')}
          </EmptyState>
        }
      />
      {isCreating && <NewEnvironment project={project} onClose={() => setCreating(false)} />}
    </div>
  );
}

function NewEnvironment({ project, onClose }: { project: string; onClose: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const [name, setName] = useState('');
  const [requirements, setRequirements] = useState('');
  const create = useMutation({
    mutationFn: () =>
      request<Environment>('POST', apiPath('projects', project, 'environments'), {
        body: { ...(name.trim() === '' ? {} : { name: name.trim() }), requirements },
        headers: createHeaders(),
      }),
    onSuccess: async (environment) => {
      await queryClient.invalidateQueries({ queryKey: ['environments', project] });
      await navigate({
        to: '/$project/environments/$environment',
        params: { project, environment: environment.name ?? environment.id },
        search: { tab: environment.state === 'building' ? 'log' : undefined },
      });
    },
  });
  const problem = (field: string) =>
    create.error instanceof ApiError ? create.error.detailFor(field) : undefined;
  return (
    <Dialog
      open
      onOpenChange={(isOpen) => !isOpen && onClose()}
      title={t('environments.new')}
      description={t('environments.new_text')}
    >
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          create.mutate();
        }}
      >
        <TextField
          label={t('environments.name_optional')}
          spellCheck={false}
          value={name}
          onChange={(event) => setName(event.target.value)}
          problem={problem('name')}
        />
        <TextAreaField
          label={t('environments.requirements')}
          className="mono"
          rows={8}
          required
          spellCheck={false}
          placeholder={'numpy\nscikit-learn>=1.5\nmlflow-skinny'}
          value={requirements}
          onChange={(event) => setRequirements(event.target.value)}
          problem={problem('requirements')}
        />
        {create.error !== null && <ErrorState error={create.error} />}
        <div className="form-actions">
          <Button onClick={onClose}>{t('action.cancel')}</Button>
          <Button type="submit" look="primary" busy={create.isPending}>
            {t('environments.submit')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
