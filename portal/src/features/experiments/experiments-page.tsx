import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { ApiError } from '../../api/errors';
import { useIsGuest } from '../../api/permissions';
import { experimentsQuery } from '../../api/queries';
import type { Experiment } from '../../api/types';
import { currentLanguage } from '../../i18n';
import { formatCount } from '../../i18n/format';
import { DataTable, type Column } from '../../ui/data-table';
import { PageHeader } from '../../ui/layout';
import { EmptyState } from '../../ui/states';
import { RelativeTime } from '../../ui/time';

export function ExperimentsPage() {
  const { t } = useTranslation();
  const { project } = useParams({ from: '/signed-in/$project/experiments' });
  const query = useQuery(experimentsQuery(project));
  const isGuest = useIsGuest(project);
  // A guest who was given things of the other kind only is refused the list.
  const isRefused = isGuest && query.error instanceof ApiError && query.error.status === 403;
  const columns: Column<Experiment>[] = [
    {
      key: 'name',
      title: t('experiments.name'),
      cell: (experiment) => (
        <Link
          to="/$project/experiments/$experiment"
          params={{ project, experiment: experiment.name }}
          data-row-link
          title={experiment.name}
        >
          {experiment.name}
        </Link>
      ),
    },
    {
      key: 'runs',
      title: t('experiments.runs'),
      width: '80px',
      align: 'right',
      cell: (experiment) => formatCount(experiment.run_count, currentLanguage()),
    },
    {
      key: 'created',
      title: t('common.created'),
      width: '120px',
      align: 'right',
      hideWhenNarrow: true,
      cell: (experiment) => <RelativeTime at={experiment.created_at} />,
    },
    {
      key: 'updated',
      title: t('common.updated'),
      width: '120px',
      align: 'right',
      cell: (experiment) => <RelativeTime at={experiment.updated_at} />,
    },
  ];
  return (
    <div className="page">
      <PageHeader title={t('nav.experiments')} documentTitle={t('nav.experiments')} />
      <DataTable
        label={t('nav.experiments')}
        columns={columns}
        rows={isRefused ? [] : query.data?.items}
        rowKey={(experiment) => experiment.id}
        error={isRefused ? null : query.error}
        retry={() => void query.refetch()}
        empty={
          isGuest ? (
            <EmptyState title={t('guest.none')}>{t('guest.none_text')}</EmptyState>
          ) : (
            <EmptyState
              title={t('experiments.empty')}
              command={`export MLFLOW_TRACKING_URI=${window.location.origin}/p/${project}\npython train.py`}
            >
              {t('experiments.empty_text')}
            </EmptyState>
          )
        }
      />
    </div>
  );
}
