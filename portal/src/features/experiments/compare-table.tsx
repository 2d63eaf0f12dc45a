import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { apiPath, request } from '../../api/client';
import type { MetricCurve, MetricNumber, Run } from '../../api/types';
import { currentLanguage } from '../../i18n';
import { formatMetric, formatPercent } from '../../i18n/format';
import { IconButton } from '../../ui/button';
import { StateBadge } from '../../ui/state-badge';
import { ErrorState } from '../../ui/states';
import { Duration, RelativeTime } from '../../ui/time';
import { compareRows, difference, type CompareRow } from './compare';
import { runColour } from './run-colour';
import './compare.css';

/** The server refuses more histories in one request. */
const historiesMost = 2000;

type Extreme = 'latest' | 'min' | 'max';
type MetricTable = Map<string, Map<string, MetricNumber>>;

/** The least and greatest of every metric: a history thinned to four points keeps its extremes. */
async function readExtremes(
  project: string,
  runs: string[],
  keys: string[],
): Promise<MetricCurve[]> {
  const perRequest = Math.max(1, Math.floor(historiesMost / runs.length));
  const all: MetricCurve[] = [];
  for (let from = 0; from < keys.length; from += perRequest) {
    const answer = await request<{ items: MetricCurve[] }>(
      'POST',
      apiPath('projects', project, 'metrics', 'read'),
      { body: { runs, keys: keys.slice(from, from + perRequest), points: 4 } },
    );
    all.push(...answer.items);
  }
  return all;
}

interface CompareTableProps {
  project: string;
  runs: Run[];
  metrics: string[];
  isAllShown: boolean;
  onAll: (isAll: boolean) => void;
  baseline: Run | undefined;
  onBaseline: (id: string | undefined) => void;
  onRemove: (id: string) => void;
}

/** Those tags that say something about a run; names and users are shown elsewhere. */
function tagsOf(run: Run): Record<string, string> {
  return Object.fromEntries(
    Object.entries(run.tags).filter(
      ([key]) =>
        !['mlflow.runName', 'mlflow.user', 'mlflow.log-model.history', 'maru.job_id'].includes(key),
    ),
  );
}

/** Runs side by side: who made them and when, and what differs between them. */
export function CompareTable(props: CompareTableProps) {
  const { project, runs, metrics, isAllShown, baseline } = props;
  const { t } = useTranslation();
  const [extreme, setExtreme] = useState<Extreme>('latest');
  const ids = runs.map((run) => run.id);
  const experiments = new Set(runs.map((run) => run.experiment_name));
  const extremes = useQuery({
    queryKey: ['runs', project, 'extremes', ids, metrics],
    queryFn: () => readExtremes(project, ids, metrics),
    enabled: extreme !== 'latest',
  });
  const table = useMemo((): MetricTable => {
    if (extreme === 'latest') {
      return new Map(
        runs.map((run) => [
          run.id,
          new Map(Object.entries(run.metrics).map(([key, metric]) => [key, metric.value])),
        ]),
      );
    }
    const made: MetricTable = new Map(runs.map((run) => [run.id, new Map<string, MetricNumber>()]));
    for (const curve of extremes.data ?? []) {
      const numbers = curve.values.filter((value): value is number => typeof value === 'number');
      if (numbers.length === 0) continue;
      const value = extreme === 'min' ? Math.min(...numbers) : Math.max(...numbers);
      made.get(curve.run)?.set(curve.key, value);
    }
    return made;
  }, [extreme, runs, extremes.data]);
  const group = (
    title: string,
    rows: CompareRow[],
    cell?: (row: CompareRow, run: Run) => React.ReactNode,
  ) => {
    const shown = rows.filter((row) => isAllShown || row.differs);
    if (rows.length === 0) return null;
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
            {runs.map((run, index) => (
              <td key={run.id}>
                {row.values[index] === undefined ? (
                  <span className="muted">–</span>
                ) : (
                  (cell?.(row, run) ?? row.values[index])
                )}
              </td>
            ))}
          </tr>
        ))}
      </>
    );
  };
  const metricCell = (row: CompareRow, run: Run) => {
    const value = table.get(run.id)?.get(row.key);
    if (value === undefined) return <span className="muted">–</span>;
    const away =
      baseline === undefined || run.id === baseline.id
        ? null
        : difference(value, table.get(baseline.id)?.get(row.key));
    return (
      <>
        <span className="numeric">{formatMetric(value)}</span>
        {away !== null && away.amount !== 0 && (
          <span className="compare-away numeric">
            {away.amount > 0 ? '▲' : '▼'} {formatMetric(Math.abs(away.amount))}
            {away.share !== null &&
              ` (${away.share > 0 ? '+' : '−'}${formatPercent(Math.abs(away.share), currentLanguage())})`}
          </span>
        )}
      </>
    );
  };
  return (
    <>
      <div className="toolbar">
        <label className="row tight">
          <input
            type="checkbox"
            checked={!isAllShown}
            onChange={(event) => props.onAll(!event.target.checked)}
          />
          {t('compare.only_differences')}
        </label>
        <label className="row tight">
          {t('compare.metric_value')}
          <select
            className="input small compact"
            value={extreme}
            onChange={(event) => setExtreme(event.target.value as Extreme)}
          >
            {(['latest', 'min', 'max'] as const).map((one) => (
              <option key={one} value={one}>
                {t(`compare.value_${one}`)}
              </option>
            ))}
          </select>
        </label>
        <label className="row tight">
          {t('compare.baseline')}
          <select
            className="input small compact"
            value={baseline?.id ?? ''}
            onChange={(event) =>
              props.onBaseline(event.target.value === '' ? undefined : event.target.value)
            }
          >
            <option value="">{t('common.none')}</option>
            {runs.map((run) => (
              <option key={run.id} value={run.id}>
                {run.name}
              </option>
            ))}
          </select>
        </label>
      </div>
      {extremes.error !== null && <ErrorState error={extremes.error} />}
      {/* A scrolling region must be reachable by keyboard. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="table-scroll" tabIndex={0} role="region" aria-label={t('compare.table')}>
        <table className="plain-table compare-table">
          <thead>
            <tr>
              <td />
              {runs.map((run) => (
                <th key={run.id} scope="col">
                  <span className="compare-head">
                    <span
                      className="swatch"
                      aria-hidden="true"
                      style={{ background: runColour(run.id) }}
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
                      onClick={() => props.onRemove(run.id)}
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
              <th scope="row">{t('runs.user')}</th>
              {runs.map((run) => (
                <td key={run.id}>{run.user}</td>
              ))}
            </tr>
            <tr>
              <th scope="row">{t('runs.started')}</th>
              {runs.map((run) => (
                <td key={run.id}>
                  <RelativeTime at={run.started_at} />
                </td>
              ))}
            </tr>
            {experiments.size > 1 && (
              <tr>
                <th scope="row">{t('nav.experiments')}</th>
                {runs.map((run) => (
                  <td key={run.id}>
                    <Link
                      className="link"
                      to="/$project/experiments/$experiment"
                      params={{ project, experiment: run.experiment_name }}
                    >
                      {run.experiment_name}
                    </Link>
                  </td>
                ))}
              </tr>
            )}
            <tr>
              <th scope="row">{t('runs.duration')}</th>
              {runs.map((run) => (
                <td key={run.id}>
                  <Duration from={run.started_at} to={run.ended_at} />
                </td>
              ))}
            </tr>
            {group(
              t('runs.parameters'),
              compareRows(runs, (run) => run.parameters),
            )}
            {group(
              t('runs.metrics'),
              compareRows(runs, (run) =>
                Object.fromEntries(
                  Object.entries(run.metrics).map(([key, metric]) => [
                    key,
                    formatMetric(metric.value),
                  ]),
                ),
              ),
              metricCell,
            )}
            {group(t('runs.tags'), compareRows(runs, tagsOf))}
          </tbody>
        </table>
      </div>
    </>
  );
}
