import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Suspense, lazy, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { environmentTabs, type EnvironmentTab } from '../../app/router';
import { apiPath, request } from '../../api/client';
import { environmentQuery } from '../../api/queries';
import type { Environment } from '../../api/types';
import { formatBytes, shortId } from '../../i18n/format';
import { Button } from '../../ui/button';
import { CodeBlock, CopyableId } from '../../ui/copy';
import { Dialog } from '../../ui/dialog';
import { Icon } from '../../ui/icon';
import { Facts, PageHeader } from '../../ui/layout';
import { StateBadge } from '../../ui/state-badge';
import { EmptyState, ErrorState, Skeleton } from '../../ui/states';
import { Tabs } from '../../ui/tabs';
import { RelativeTime } from '../../ui/time';
import { showToast } from '../../ui/toast';

const LogViewer = lazy(() =>
  import('../jobs/log-viewer').then((module) => ({ default: module.LogViewer })),
);
const route = '/signed-in/$project/environments/$environment';

export function EnvironmentPage() {
  const { t } = useTranslation();
  const { project, environment: wanted } = useParams({ from: route });
  const { tab } = useSearch({ from: route });
  const navigate = useNavigate({ from: '/$project/environments/$environment' });
  const { data: environment, error, refetch } = useQuery(environmentQuery(project, wanted));
  const shownName = environment?.name ?? shortId(wanted);
  const crumbs = (
    <Link to="/$project/environments" params={{ project }}>
      {t('nav.environments')}
    </Link>
  );
  if (environment === undefined) {
    return (
      <div className="page">
        <PageHeader title={shownName} documentTitle={shownName} crumbs={crumbs} />
        {error === null ? (
          <Skeleton lines={8} />
        ) : (
          <ErrorState error={error} retry={() => void refetch()} />
        )}
      </div>
    );
  }
  const content: Record<EnvironmentTab, () => ReactNode> = {
    requirements: () => (
      <div className="stack">
        <CodeBlock code={environment.requirements} label="requirements.txt" />
        <CodeBlock
          code={`maru run --env ${environment.name ?? environment.id} -- python train.py`}
          label={t('common.terminal')}
        />
      </div>
    ),
    lock: () =>
      environment.lock === null ? (
        <EmptyState title={t('environments.no_lock')} />
      ) : (
        <CodeBlock code={environment.lock} label={t('environments.tab_lock')} />
      ),
    log: () =>
      environment.build_job_id === '' ? (
        <EmptyState title={t('environments.no_build')} />
      ) : (
        <LogViewer project={project} job={environment.build_job_id} replica={0} />
      ),
  };
  return (
    <div className="page fill">
      <PageHeader
        title={shownName}
        documentTitle={shownName}
        crumbs={crumbs}
        meta={
          <>
            <StateBadge state={environment.state} />
            <RelativeTime at={environment.created_at} />
            <CopyableId id={environment.id} />
          </>
        }
        actions={<DeleteEnvironment project={project} environment={environment} />}
      />
      {environment.state === 'failed' && (
        <div className="notice" role="alert">
          <Icon name="warning" />
          <div>
            <p className="error-title">{t('environments.failed')}</p>
            <p>{environment.error}</p>
          </div>
        </div>
      )}
      <Facts
        facts={[
          { label: 'Python', value: environment.python },
          ...(environment.version === 0
            ? []
            : [{ label: t('environments.version'), value: String(environment.version) }]),
          {
            label: t('environments.size'),
            value: environment.state === 'ready' ? formatBytes(environment.size_bytes) : '–',
          },
          {
            label: t('environments.packages'),
            value:
              environment.lock === null
                ? '–'
                : String(
                    environment.lock.split('\n').filter((line) => /^[\w.-]+==/.test(line)).length,
                  ),
          },
        ]}
      />
      <Suspense fallback={<Skeleton lines={6} />}>
        <Tabs
          label={shownName}
          current={tab ?? 'requirements'}
          onChange={(next) =>
            void navigate({
              search: { tab: next === 'requirements' ? undefined : next },
              replace: true,
            })
          }
          tabs={environmentTabs.map((name) => ({
            name,
            label: t(`environments.tab_${name}`),
            content: content[name],
          }))}
        />
      </Suspense>
    </div>
  );
}

interface DeleteEnvironmentProps {
  project: string;
  environment: Environment;
}

function DeleteEnvironment({ project, environment }: DeleteEnvironmentProps) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const [isOpen, setOpen] = useState(false);
  const name = environment.name ?? environment.id;
  const remove = useMutation({
    mutationFn: () => request('DELETE', apiPath('projects', project, 'environments', name)),
    onSuccess: async () => {
      await navigate({ to: '/$project/environments', params: { project } });
      await queryClient.invalidateQueries({ queryKey: ['environments', project] });
      showToast(t('environments.deleted', { name }));
    },
  });
  return (
    <>
      <Button look="danger" icon="trash" onClick={() => setOpen(true)}>
        {t('action.delete')}
      </Button>
      <Dialog
        open={isOpen}
        onOpenChange={setOpen}
        title={t('environments.delete_title', { name: environment.name ?? shortId(name) })}
        description={t('environments.delete_text')}
      >
        {remove.error !== null && <ErrorState error={remove.error} />}
        <div className="form-actions">
          <Button onClick={() => setOpen(false)}>{t('action.cancel')}</Button>
          <Button look="danger" busy={remove.isPending} onClick={() => remove.mutate()}>
            {t('action.delete')}
          </Button>
        </div>
      </Dialog>
    </>
  );
}
