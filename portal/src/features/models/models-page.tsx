import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Suspense, lazy } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiError } from '../../api/errors';
import { useIsGuest } from '../../api/permissions';
import { modelsQuery } from '../../api/queries';
import type { Model } from '../../api/types';
import { DataTable, type Column } from '../../ui/data-table';
import { PageHeader } from '../../ui/layout';
import { EmptyState, Skeleton } from '../../ui/states';
import { Tabs } from '../../ui/tabs';
import { RelativeTime } from '../../ui/time';
import type { ModelsTab } from '../../app/router';
import './models.css';
import { OpenRequests } from './requests';

const Rules = lazy(() => import('./rules'));
const route = '/signed-in/$project/models';

export function ModelsPage() {
  const { t } = useTranslation();
  const { project } = useParams({ from: route });
  const { tab = 'list' } = useSearch({ from: route });
  const navigate = useNavigate({ from: '/$project/models' });
  return (
    <div className="page">
      <PageHeader title={t('nav.models')} documentTitle={t('nav.models')} />
      <Tabs<ModelsTab>
        label={t('nav.models')}
        current={tab}
        onChange={(next) =>
          void navigate({ search: { tab: next === 'list' ? undefined : next }, replace: true })
        }
        tabs={[
          {
            name: 'list',
            label: t('models.tab_list'),
            content: () => <ModelTable project={project} />,
          },
          {
            name: 'requests',
            label: t('requests.title'),
            content: () => <OpenRequests project={project} model={null} />,
          },
          {
            name: 'rules',
            label: t('rules.title'),
            content: () => (
              <Suspense fallback={<Skeleton lines={4} />}>
                <Rules project={project} />
              </Suspense>
            ),
          },
        ]}
      />
    </div>
  );
}

function ModelTable({ project }: { project: string }) {
  const { t } = useTranslation();
  const query = useQuery(modelsQuery(project));
  const isGuest = useIsGuest(project);
  // A guest who was given things of the other kind only is refused the list.
  const isRefused = isGuest && query.error instanceof ApiError && query.error.status === 403;
  const columns: Column<Model>[] = [
    {
      key: 'name',
      title: t('models.name'),
      cell: (model) => (
        <span className="row-main">
          <Link
            to="/$project/models/$model"
            params={{ project, model: model.name }}
            data-row-link
            title={model.name}
          >
            {model.name}
          </Link>
          <span className="muted cut wide-inline" title={model.description}>
            {model.description}
          </span>
        </span>
      ),
    },
    {
      key: 'latest',
      title: t('models.latest'),
      width: '80px',
      align: 'right',
      cell: (model) => model.latest_version ?? '–',
    },
    {
      key: 'aliases',
      title: t('models.aliases'),
      width: '240px',
      hideWhenNarrow: true,
      cell: (model) => (
        <span className="row tight one-line">
          {Object.entries(model.aliases).map(([alias, version]) => (
            <span key={alias} className="chip strong">
              @{alias} → {version}
            </span>
          ))}
        </span>
      ),
    },
    {
      key: 'updated',
      title: t('common.updated'),
      width: '104px',
      align: 'right',
      cell: (model) => <RelativeTime at={model.updated_at} />,
    },
  ];
  return (
    <DataTable
      label={t('nav.models')}
      columns={columns}
      rows={isRefused ? [] : query.data?.items}
      rowKey={(model) => model.name}
      error={isRefused ? null : query.error}
      retry={() => void query.refetch()}
      empty={
        isGuest ? (
          <EmptyState title={t('guest.none')}>{t('guest.none_text')}</EmptyState>
        ) : (
          <EmptyState
            title={t('models.empty')}
            command={
              'import mlflow\nmlflow.sklearn.log_model(model, name="model", registered_model_name="iris")'
            }
          >
            {t('models.empty_text')}
          </EmptyState>
        )
      }
    />
  );
}
