import { useInfiniteQuery } from '@tanstack/react-query';
import { Link, useParams, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { jobFilters } from '../../app/router';
import { jobsQuery } from '../../api/queries';
import type { Job } from '../../api/types';
import { CopyableId } from '../../ui/copy';
import { DataTable, type Column } from '../../ui/data-table';
import { Icon } from '../../ui/icon';
import { PageHeader } from '../../ui/layout';
import { StateBadge } from '../../ui/state-badge';
import { EmptyState, ErrorState } from '../../ui/states';
import { RelativeTime } from '../../ui/time';
import { JobDuration, ResourceText } from './job-parts';

export function JobsPage() {
  const { t } = useTranslation();
  const { project } = useParams({ from: '/signed-in/$project/jobs' });
  const { state = 'all' } = useSearch({ from: '/signed-in/$project/jobs' });
  const query = useInfiniteQuery(jobsQuery(project, state));
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items), [query.data]);

  const columns: Column<Job>[] = [
    {
      key: 'state',
      title: t('jobs.state'),
      width: '112px',
      hideWhenNarrow: true,
      cell: (job) => <StateBadge state={job.state} />,
    },
    {
      key: 'name',
      title: t('jobs.name'),
      cell: (job) => (
        <span className="row-main">
          <span className="narrow-only">
            <StateBadge state={job.state} iconOnly />
          </span>
          <Link
            to="/$project/jobs/$jobId"
            params={{ project, jobId: job.id }}
            data-row-link
            title={job.name}
          >
            {job.name}
          </Link>
          <span className="wide-inline">
            <CopyableId id={job.id} />
          </span>
          {job.reason !== '' && job.state !== 'succeeded' && (
            <span className="muted cut wide-inline" title={job.reason}>
              {job.reason}
            </span>
          )}
        </span>
      ),
    },
    {
      key: 'user',
      title: t('jobs.user'),
      width: '96px',
      hideWhenNarrow: true,
      cell: (job) => job.user,
    },
    {
      key: 'resources',
      title: t('jobs.resources'),
      width: '190px',
      hideWhenNarrow: true,
      cell: (job) => <ResourceText resources={job.resources} />,
    },
    {
      key: 'duration',
      title: t('jobs.duration'),
      width: '88px',
      align: 'right',
      cell: (job) => <JobDuration job={job} />,
    },
    {
      key: 'queued',
      title: t('jobs.queued_at'),
      width: '104px',
      align: 'right',
      cell: (job) => <RelativeTime at={job.queued_at} />,
    },
  ];

  return (
    <div className="page">
      <PageHeader
        title={t('nav.jobs')}
        documentTitle={t('nav.jobs')}
        actions={
          <Link to="/$project/jobs/new" params={{ project }} className="button primary">
            <Icon name="plus" size={14} />
            {t('jobs.new')}
          </Link>
        }
      />
      <div className="toolbar">
        <nav className="segments" aria-label={t('jobs.filter')}>
          {jobFilters.map((filter) => (
            <Link
              key={filter}
              to="/$project/jobs"
              params={{ project }}
              search={{ state: filter === 'all' ? undefined : filter }}
              className="segment"
              activeOptions={{ exact: true }}
              replace
            >
              {filter === 'all' || filter === 'active'
                ? t(`jobs.filter_${filter}`)
                : t(`state.${filter}`)}
            </Link>
          ))}
        </nav>
      </div>
      {query.isFetchNextPageError && (
        <ErrorState error={query.error} retry={() => void query.fetchNextPage()} />
      )}
      <DataTable
        label={t('nav.jobs')}
        columns={columns}
        rows={rows}
        rowKey={(job) => job.id}
        error={query.error}
        retry={() => void query.refetch()}
        hasMore={query.hasNextPage && !query.isFetchNextPageError}
        loadMore={() => {
          if (!query.isFetchingNextPage) void query.fetchNextPage();
        }}
        empty={
          state === 'all' ? (
            <EmptyState
              title={t('jobs.empty')}
              command="maru run --cpus 2 --memory 4GiB -- python train.py"
              action={
                <Link to="/$project/jobs/new" params={{ project }} className="button">
                  {t('jobs.new')}
                </Link>
              }
            >
              {t('jobs.empty_text')}
            </EmptyState>
          ) : (
            <EmptyState
              title={t('jobs.empty_filter')}
              action={
                <Link to="/$project/jobs" params={{ project }} className="button">
                  {t('jobs.show_all')}
                </Link>
              }
            />
          )
        }
      />
    </div>
  );
}
