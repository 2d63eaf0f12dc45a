import { useQueries } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { runQuery } from '../../api/queries';
import type { Run } from '../../api/types';
import { textToList } from '../../app/search';
import { formatMetric } from '../../i18n/format';
import { IconButton } from '../../ui/button';
import { PageHeader, Section } from '../../ui/layout';
import { StateBadge } from '../../ui/state-badge';
import { EmptyState, ErrorState, Skeleton } from '../../ui/states';
import { Duration } from '../../ui/time';
import { compareRows, type CompareRow } from './compare';
import { RunCharts } from './run-charts';
import './compare.css';

const route = '/signed-in/$project/compare';

function combineRuns(results: { data: Run | undefined; error: unknown }[]) {
  return {
    runs: results.map((result) => result.data).filter((run): run is Run => run !== undefined),
    errors: results.map((result) => result.error).filter((error) => error !== null),
    isPending: results.some((result) => result.data === undefined && result.error === null),
  };
}

export function ComparePage() {
  const { t } = useTranslation();
  const { project } = useParams({ from: route });
  const search = useSearch({ from: route });
  const navigate = useNavigate({ from: '/$project/compare' });
  const ids = textToList(search.runs);
  const { runs, errors, isPending } = useQueries({
    queries: ids.map((id) => runQuery(project, id)),
    combine: combineRuns,
  });
  const isAllShown = search.all === '1';
  return (
    <div className="page">
      <PageHeader
        title={t('compare.title', { count: ids.length })}
        documentTitle={t('compare.title', { count: ids.length })}
        crumbs={
          <Link to="/$project/experiments" params={{ project }}>
            {t('nav.experiments')}
          </Link>
        }
      />
      {errors.map((error, index) => (
        <ErrorState key={index} error={error} />
      ))}
      {isPending ? (
        <Skeleton lines={8} />
      ) : runs.length < 2 ? (
        <EmptyState title={t('compare.empty')}>{t('compare.empty_text')}</EmptyState>
      ) : (
        <div className="stack">
          <div className="toolbar">
            <label className="row tight">
              <input
                type="checkbox"
                checked={!isAllShown}
                onChange={(event) =>
                  void navigate({
                    search: (old) => ({ ...old, all: event.target.checked ? undefined : '1' }),
                    replace: true,
                  })
                }
              />
              {t('compare.only_differences')}
            </label>
          </div>
          <CompareTable
            project={project}
            runs={runs}
            isAllShown={isAllShown}
            onRemove={(id) =>
              void navigate({
                search: (old) => ({ ...old, runs: ids.filter((one) => one !== id).join(',') }),
                replace: true,
              })
            }
          />
          <Section title={t('compare.charts')}>
            <RunCharts
              project={project}
              runs={runs}
              controls={search}
              onControls={(next) =>
                void navigate({ search: (old) => ({ ...old, ...next }), replace: true })
              }
            />
          </Section>
        </div>
      )}
    </div>
  );
}

interface CompareTableProps {
  project: string;
  runs: Run[];
  isAllShown: boolean;
  onRemove: (id: string) => void;
}

function CompareTable({ project, runs, isAllShown, onRemove }: CompareTableProps) {
  const { t } = useTranslation();
  const parameters = compareRows(runs, (run) => run.parameters);
  const metrics = compareRows(runs, (run) =>
    Object.fromEntries(
      Object.entries(run.metrics).map(([key, metric]) => [key, formatMetric(metric.value)]),
    ),
  );
  const group = (title: string, rows: CompareRow[]) => {
    const shown = rows.filter((row) => isAllShown || row.differs);
    return (
      <>
        <tr className="compare-group">
          <th scope="rowgroup" colSpan={runs.length + 1}>
            {title}
            {shown.length < rows.length && (
              <span className="muted">
                {' '}
                {t('compare.same', { count: rows.length - shown.length })}
              </span>
            )}
          </th>
        </tr>
        {shown.map((row) => (
          <tr key={row.key} className={row.differs ? 'differs' : undefined}>
            <th scope="row">{row.key}</th>
            {row.values.map((value, index) => (
              <td key={runs[index]?.id}>{value ?? <span className="muted">–</span>}</td>
            ))}
          </tr>
        ))}
      </>
    );
  };
  return (
    // A scrolling region must be reachable by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="table-scroll" tabIndex={0} role="region" aria-label={t('compare.table')}>
      <table className="plain-table compare-table">
        <thead>
          <tr>
            <td />
            {runs.map((run, index) => (
              <th key={run.id} scope="col">
                <span className="compare-head">
                  <span
                    className="swatch"
                    aria-hidden="true"
                    style={{ background: `var(--data-${(index % 8) + 1})` }}
                  />
                  <Link
                    to="/$project/runs/$runId"
                    params={{ project, runId: run.id }}
                    className="cut"
                    title={run.name}
                  >
                    {run.name}
                  </Link>
                  <IconButton
                    icon="close"
                    label={t('compare.remove', { name: run.name })}
                    onClick={() => onRemove(run.id)}
                  />
                </span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">{t('jobs.state')}</th>
            {runs.map((run) => (
              <td key={run.id}>
                <StateBadge state={run.status} />
              </td>
            ))}
          </tr>
          <tr>
            <th scope="row">{t('runs.duration')}</th>
            {runs.map((run) => (
              <td key={run.id}>
                <Duration from={run.started_at} to={run.ended_at} />
              </td>
            ))}
          </tr>
          {group(t('runs.parameters'), parameters)}
          {group(t('runs.metrics'), metrics)}
        </tbody>
      </table>
    </div>
  );
}
