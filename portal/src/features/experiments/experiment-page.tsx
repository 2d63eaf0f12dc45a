import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiError } from '../../api/errors';
import { experimentsQuery, runsQuery } from '../../api/queries';
import type { Run } from '../../api/types';
import { listToText, textToList } from '../../app/search';
import { formatMetric } from '../../i18n/format';
import { Button } from '../../ui/button';
import { DataTable, type Column } from '../../ui/data-table';
import { Icon } from '../../ui/icon';
import { PageHeader } from '../../ui/layout';
import { StateBadge } from '../../ui/state-badge';
import { EmptyState, ErrorState, Skeleton } from '../../ui/states';
import { Duration, RelativeTime } from '../../ui/time';
import { ColumnChooser } from './column-chooser';
import {
  allColumns,
  columnId,
  defaultColumns,
  orderByKey,
  parseColumnId,
  type RunColumn,
} from './run-columns';

const route = '/signed-in/$project/experiments/$experiment';
const newestFirst = 'attributes.start_time DESC';

export function ExperimentPage() {
  const { t } = useTranslation();
  const { project, experiment: wanted } = useParams({ from: route });
  const { data, error, refetch } = useQuery(experimentsQuery(project));
  const experiment =
    data?.items.find((one) => one.name === wanted) ?? data?.items.find((one) => one.id === wanted);
  const crumbs = (
    <Link to="/$project/experiments" params={{ project }}>
      {t('nav.experiments')}
    </Link>
  );
  return (
    <div className="page">
      <PageHeader
        title={experiment?.name ?? wanted}
        documentTitle={experiment?.name ?? wanted}
        crumbs={crumbs}
      />
      {data === undefined ? (
        error === null ? (
          <Skeleton lines={8} />
        ) : (
          <ErrorState error={error} retry={() => void refetch()} />
        )
      ) : experiment === undefined ? (
        <EmptyState title={t('experiments.unknown', { name: wanted })} action={crumbs} />
      ) : (
        <RunTable key={experiment.id} project={project} experiment={experiment.name} />
      )}
    </div>
  );
}

function RunTable({ project, experiment }: { project: string; experiment: string }) {
  const { t } = useTranslation();
  const search = useSearch({ from: route });
  const navigate = useNavigate({ from: '/$project/experiments/$experiment' });
  const [draft, setDraft] = useState(search.filter ?? '');
  const [lastFilter, setLastFilter] = useState(search.filter);
  if (lastFilter !== search.filter) {
    setLastFilter(search.filter);
    setDraft(search.filter ?? '');
  }
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());

  const order = search.order ?? newestFirst;
  const query = useInfiniteQuery({
    ...runsQuery(project, { experiment, filter: search.filter ?? '', orderBy: order }),
    placeholderData: (previous) => previous,
  });
  const runs = useMemo(() => query.data?.pages.flatMap((page) => page.items), [query.data]);
  const columns = useMemo(() => {
    const chosen = textToList(search.columns)
      .map(parseColumnId)
      .filter((column): column is RunColumn => column !== null);
    return search.columns === undefined ? defaultColumns(runs ?? []) : chosen;
  }, [search.columns, runs]);
  const available = useMemo(() => allColumns(runs ?? []), [runs]);

  const sortOf = (key: string) => ({
    direction:
      order === `${key} DESC`
        ? ('desc' as const)
        : order === `${key} ASC`
          ? ('asc' as const)
          : null,
    toggle: () =>
      void navigate({
        search: (old) => ({
          ...old,
          order: order === `${key} DESC` ? `${key} ASC` : `${key} DESC`,
        }),
        replace: true,
      }),
  });
  const toggle = (id: string) => {
    const next = new Set(selected);
    if (!next.delete(id)) next.add(id);
    setSelected(next);
  };

  const tableColumns: Column<Run>[] = [
    {
      key: 'select',
      title: <span className="visually-hidden">{t('runs.select')}</span>,
      label: t('runs.select'),
      width: '32px',
      cell: (run) => (
        <input
          type="checkbox"
          aria-label={t('runs.select_named', { name: run.name })}
          checked={selected.has(run.id)}
          onChange={() => toggle(run.id)}
        />
      ),
    },
    {
      key: 'name',
      title: t('runs.name'),
      width: '230px',
      cell: (run) => (
        <span className="row-main">
          <StateBadge state={run.status} iconOnly />
          <Link
            to="/$project/runs/$runId"
            params={{ project, runId: run.id }}
            data-row-link
            title={run.name}
          >
            {run.name}
          </Link>
        </span>
      ),
    },
    {
      key: 'started',
      title: t('runs.started'),
      width: '110px',
      sort: sortOf('attributes.start_time'),
      cell: (run) => <RelativeTime at={run.started_at} />,
    },
    {
      key: 'duration',
      title: t('runs.duration'),
      width: '84px',
      align: 'right',
      cell: (run) => <Duration from={run.started_at} to={run.ended_at} />,
    },
    {
      key: 'user',
      title: t('runs.user'),
      width: '90px',
      cell: (run) => run.user,
    },
    ...columns.map((column): Column<Run> => ({
      key: columnId(column),
      title: (
        <span className="cut" title={column.key}>
          {column.key}
        </span>
      ),
      label: column.key,
      width: '120px',
      ...(column.kind === 'metric' ? { align: 'right' } : {}),
      sort: sortOf(orderByKey(column)),
      cell: (run) => {
        if (column.kind === 'parameter') {
          const value = run.parameters[column.key];
          return value === undefined ? (
            <span className="muted">–</span>
          ) : (
            <span title={value}>{value}</span>
          );
        }
        const metric = run.metrics[column.key];
        return metric === undefined ? (
          <span className="muted">–</span>
        ) : (
          <span className="numeric" title={String(metric.value)}>
            {formatMetric(metric.value)}
          </span>
        );
      },
    })),
  ];
  const minimumWidth = tableColumns.reduce(
    (sum, column) => sum + Number.parseInt(column.width ?? '120', 10),
    0,
  );
  const isBadFilter = query.error instanceof ApiError && query.error.code === 'invalid_argument';

  return (
    <>
      <form
        className="toolbar"
        onSubmit={(event) => {
          event.preventDefault();
          void navigate({
            search: (old) => ({ ...old, filter: draft.trim() === '' ? undefined : draft.trim() }),
          });
        }}
      >
        <input
          type="search"
          data-page-search
          className="input small mono grow run-filter"
          spellCheck={false}
          placeholder={t('runs.filter_example')}
          aria-label={t('runs.filter')}
          aria-invalid={isBadFilter || undefined}
          value={draft}
          onChange={(event) => setDraft(event.target.value)}
        />
        <Button type="submit">{t('runs.apply')}</Button>
        <ColumnChooser
          available={available}
          chosen={columns}
          onChange={(next) =>
            void navigate({
              search: (old) => ({ ...old, columns: listToText(next.map(columnId)) ?? '-' }),
              replace: true,
            })
          }
        />
        {selected.size >= 2 ? (
          <Link
            to="/$project/compare"
            params={{ project }}
            search={{ runs: [...selected].join(',') }}
            className="button primary"
          >
            <Icon name="compare" size={14} />
            {t('runs.compare', { count: selected.size })}
          </Link>
        ) : (
          <Button icon="compare" disabled title={t('runs.compare_hint')}>
            {t('runs.compare', { count: selected.size })}
          </Button>
        )}
      </form>
      {query.error !== null && (
        <ErrorState
          error={query.error}
          retry={isBadFilter ? undefined : () => void query.refetch()}
        />
      )}
      {(query.error === null || runs !== undefined) && (
        <DataTable
          label={t('experiments.runs')}
          columns={tableColumns}
          rows={runs}
          rowKey={(run) => run.id}
          rowClass={(run) => (selected.has(run.id) ? 'current' : '')}
          hasMore={query.hasNextPage && !query.isFetchNextPageError}
          loadMore={() => {
            if (!query.isFetchingNextPage) void query.fetchNextPage();
          }}
          wide
          minimumWidth={minimumWidth}
          empty={
            search.filter === undefined ? (
              <EmptyState
                title={t('runs.empty')}
                command={`export MLFLOW_TRACKING_URI=${window.location.origin}/p/${project}\nexport MLFLOW_EXPERIMENT_NAME=${experiment}\npython train.py`}
              >
                {t('runs.empty_text')}
              </EmptyState>
            ) : (
              <EmptyState title={t('runs.empty_filter')} />
            )
          }
        />
      )}
    </>
  );
}
