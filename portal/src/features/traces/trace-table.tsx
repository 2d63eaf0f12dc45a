import { useInfiniteQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiError } from '../../api/errors';
import { useHasRole } from '../../api/permissions';
import { formatCount, shortId } from '../../i18n/format';
import { currentLanguage } from '../../i18n';
import { Button } from '../../ui/button';
import { DataTable, type Column } from '../../ui/data-table';
import { StateBadge } from '../../ui/state-badge';
import { EmptyState, ErrorState } from '../../ui/states';
import { RelativeTime } from '../../ui/time';
import { AssessmentChips } from './assessments';
import { newestTracesFirst, tracesQuery } from './queries';
import { TraceActions } from './trace-actions';
import { formatTraceDuration } from './span-tree';
import { isOwnKey } from './trace-edits';
import type { Trace } from './types';

const route = '/signed-in/$project/experiments/$experiment';

interface TraceTableProps {
  project: string;
  experiment: string;
}

export default function TraceTable({ project, experiment }: TraceTableProps) {
  const { t } = useTranslation();
  const search = useSearch({ from: route });
  const navigate = useNavigate({ from: '/$project/experiments/$experiment' });
  const order = search.trace_order ?? newestTracesFirst;
  const filter = search.traces ?? '';
  const query = useInfiniteQuery({
    ...tracesQuery(project, { experiment, filter, orderBy: order }),
    placeholderData: (previous) => previous,
  });
  const traces = useMemo(() => query.data?.pages.flatMap((page) => page.items), [query.data]);
  const sort: Sort = (key) => {
    const descending = order === `${key} DESC`;
    const direction = descending ? 'desc' : order === `${key} ASC` ? 'asc' : null;
    return {
      direction: direction,
      toggle: () =>
        void navigate({
          search: (old) => ({ ...old, trace_order: `${key} ${descending ? 'ASC' : 'DESC'}` }),
          replace: true,
        }),
    };
  };
  const isBadFilter = query.error instanceof ApiError && query.error.code === 'invalid_argument';
  const mayEdit = useHasRole(project, 'developer');
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  // Those that another filter hides, or that are gone, are not acted on.
  const selected = traces?.filter((trace) => chosen.has(trace.id)).map((trace) => trace.id) ?? [];
  const select = (id: string, isChosen: boolean) => {
    const next = new Set(chosen);
    if (isChosen) next.add(id);
    else next.delete(id);
    setChosen(next);
  };
  const shown = useColumns(project, sort);
  const isAll = traces !== undefined && traces.length > 0 && selected.length === traces.length;
  const columns: Column<Trace>[] = mayEdit
    ? [
        {
          key: 'select',
          label: t('traces.select'),
          title: (
            <input
              type="checkbox"
              aria-label={t('traces.select_all')}
              checked={isAll}
              onChange={() => setChosen(new Set(isAll ? [] : traces?.map((trace) => trace.id)))}
            />
          ),
          width: '34px',
          cell: (trace) => (
            <input
              type="checkbox"
              aria-label={t('traces.select_named', { name: trace.name ?? shortId(trace.id) })}
              checked={chosen.has(trace.id)}
              onChange={(event) => select(trace.id, event.target.checked)}
            />
          ),
        },
        ...shown,
      ]
    : shown;
  const minimumWidth = columns.reduce(
    (sum, column) => sum + Number.parseInt(column.width ?? '120', 10),
    0,
  );

  return (
    <>
      <FilterForm
        key={filter}
        filter={filter}
        isBad={isBadFilter}
        apply={(next) => void navigate({ search: (old) => ({ ...old, traces: next }) })}
      />
      {mayEdit && (
        <div className="trace-selection" role="status">
          {selected.length > 0 && (
            <>
              <span>{t('traces.selected', { count: selected.length })}</span>
              <Button look="quiet" onClick={() => setChosen(new Set())}>
                {t('traces.clear')}
              </Button>
              <span className="grow" />
              <TraceActions
                project={project}
                ids={selected}
                onDeleted={() => setChosen(new Set())}
              />
            </>
          )}
        </div>
      )}
      {query.error !== null && (
        <ErrorState
          error={query.error}
          retry={isBadFilter ? undefined : () => void query.refetch()}
        />
      )}
      {(query.error === null || traces !== undefined) && (
        <DataTable
          label={t('traces.title')}
          columns={columns}
          rows={traces}
          rowKey={(trace) => trace.id}
          hasMore={query.hasNextPage && !query.isFetchNextPageError}
          loadMore={() => {
            if (!query.isFetchingNextPage) void query.fetchNextPage();
          }}
          wide
          minimumWidth={minimumWidth}
          empty={
            filter === '' ? (
              <EmptyState
                title={t('traces.empty')}
                command={`export MLFLOW_TRACKING_URI=${window.location.origin}/p/${project}\nexport MLFLOW_EXPERIMENT_NAME=${experiment}\npython -c "import mlflow; mlflow.trace(lambda question: 'an answer')('a question')"`}
              >
                {t('traces.empty_text')}
              </EmptyState>
            ) : (
              <EmptyState
                title={t(query.hasNextPage ? 'traces.not_found_yet' : 'traces.empty_filter')}
                action={
                  query.hasNextPage && (
                    <Button
                      busy={query.isFetchingNextPage}
                      onClick={() => void query.fetchNextPage()}
                    >
                      {t('traces.look_further')}
                    </Button>
                  )
                }
              />
            )
          }
        />
      )}
    </>
  );
}

interface FilterFormProps {
  filter: string;
  isBad: boolean;
  apply: (filter: string | undefined) => void;
}

function FilterForm({ filter, isBad, apply }: FilterFormProps) {
  const { t } = useTranslation();
  const [draft, setDraft] = useState(filter);
  return (
    <form
      className="toolbar"
      onSubmit={(event) => {
        event.preventDefault();
        apply(draft.trim() === '' ? undefined : draft.trim());
      }}
    >
      <input
        type="search"
        data-page-search
        className="input small mono grow run-filter"
        spellCheck={false}
        placeholder={t('traces.filter_example')}
        aria-label={t('traces.filter')}
        aria-invalid={isBad || undefined}
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
      />
      <Button type="submit">{t('traces.apply')}</Button>
    </form>
  );
}

type Sort = (key: string) => { direction: 'asc' | 'desc' | null; toggle: () => void };

function useColumns(project: string, sort: Sort): Column<Trace>[] {
  const { t } = useTranslation();
  const none = <span className="muted">–</span>;
  return [
    {
      key: 'name',
      title: t('traces.name'),
      width: '140px',
      sort: sort('name'),
      cell: (trace) => (
        <span className="row-main">
          <StateBadge state={trace.state} iconOnly />
          <Link
            to="/$project/traces/$traceId"
            params={{ project, traceId: trace.id }}
            data-row-link
            title={trace.name ?? trace.id}
          >
            {trace.name ?? shortId(trace.id)}
          </Link>
        </span>
      ),
    },
    {
      key: 'started',
      title: t('traces.started'),
      width: '100px',
      sort: sort('timestamp'),
      cell: (trace) => <RelativeTime at={trace.started_at} />,
    },
    {
      key: 'request',
      title: t('traces.request'),
      width: '190px',
      cell: (trace) => <Preview text={trace.request_preview} />,
    },
    {
      key: 'response',
      title: t('traces.response'),
      width: '190px',
      cell: (trace) => <Preview text={trace.response_preview} />,
    },
    {
      key: 'tags',
      title: t('traces.tags'),
      width: '130px',
      cell: (trace) => <TagChips tags={trace.tags} />,
    },
    {
      key: 'duration',
      title: t('traces.duration'),
      width: '84px',
      align: 'right',
      sort: sort('execution_time'),
      cell: (trace) =>
        trace.duration_ms === null ? (
          none
        ) : (
          <span className="numeric nowrap">{formatTraceDuration(trace.duration_ms)}</span>
        ),
    },
    {
      key: 'tokens',
      title: t('traces.tokens'),
      width: '80px',
      align: 'right',
      cell: (trace) =>
        trace.tokens.total === null ? (
          none
        ) : (
          <span className="numeric">{formatCount(trace.tokens.total, currentLanguage())}</span>
        ),
    },
    {
      key: 'assessments',
      title: t('traces.assessments'),
      width: '150px',
      cell: (trace) => <AssessmentChips assessments={trace.assessments} />,
    },
    {
      key: 'run',
      title: t('traces.run'),
      width: '90px',
      cell: (trace) => {
        const run = trace.run_ids[0];
        return run === undefined ? (
          none
        ) : (
          <Link className="link" to="/$project/runs/$runId" params={{ project, runId: run }}>
            {shortId(run)}
          </Link>
        );
      },
    },
  ];
}

function TagChips({ tags }: { tags: Record<string, string> }) {
  const own = Object.entries(tags).filter(([name]) => isOwnKey(name));
  if (own.length === 0) return <span className="muted">–</span>;
  return (
    <span className="assessment-chips">
      {own.map(([name, value]) => (
        <span key={name} className="chip" title={`${name}: ${value}`}>
          {name} <strong>{value}</strong>
        </span>
      ))}
    </span>
  );
}

function Preview({ text }: { text: string | null }) {
  if (text === null || text === '') return <span className="muted">–</span>;
  return (
    <span className="cut" title={text.slice(0, 500)}>
      {text}
    </span>
  );
}
