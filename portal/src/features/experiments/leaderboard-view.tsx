import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { columnsQuery, curvesQuery, groupsQuery, rowsQuery } from '../../api/tracking';
import type { MetricCurve } from '../../api/types';
import { currentLanguage } from '../../i18n';
import { formatCount, formatMetric } from '../../i18n/format';
import { EmptyState, ErrorState, Skeleton } from '../../ui/states';
import { FilterBox } from './filter-box';
import { parseColumnId, quoted, searchName } from './run-columns';
import { runColour } from './run-colour';
import { filterProblem, NoRuns, type ExperimentViewProps } from './runs-view';
import { toLine } from './series';
import './leaderboard.css';

const tops = [10, 25, 50, 100];

interface Leader {
  run: string;
  group: string | null;
  value: number;
  count: number;
  mean: number;
}

/** Whether less is better, as far as a metric's name tells. */
export function isLessBetter(metric: string): boolean {
  return /(loss|error|err|rmse|mae|mse|perplexity|latency|time|seconds|wer|cer)\b/i.test(metric);
}

/** The best run of each group, or simply the best runs, by one metric. */
export default function LeaderboardView(props: ExperimentViewProps) {
  const { t } = useTranslation();
  const { project, experiment, search, onSearch } = props;
  const columns = useQuery(columnsQuery(project, experiment));
  const metrics = (columns.data?.metrics ?? []).filter((key) => !key.startsWith('system/'));
  const metric = search.metric ?? metrics[0];
  const isLess = search.goal === 'min';
  const top = tops.find((one) => String(one) === search.top) ?? 10;
  const by = search.group ?? '';
  const order = metric === undefined ? '' : searchName({ kind: 'metrics', key: metric });
  const direction = isLess ? 'ASC' : 'DESC';

  const groups = useQuery({
    ...groupsQuery({
      project,
      experiment,
      filter: search.filter,
      by: [by],
      metrics: metric === undefined ? [] : [metric],
      orderBy: `${order} ${direction}`,
      groups: top,
    }),
    enabled: by !== '' && metric !== undefined,
    retry: false,
  });
  const rows = useQuery({
    ...rowsQuery(
      {
        project,
        experiment,
        filter: search.filter,
        order: [`${order} ${direction}`],
        columns: metric === undefined ? [] : [`metrics.${metric}`],
      },
      0,
      top,
    ),
    enabled: by === '' && metric !== undefined,
    retry: false,
  });
  const leaders = ((): Leader[] | undefined => {
    if (metric === undefined) return undefined;
    if (by === '') {
      return rows.data?.items.flatMap((row) => {
        const value = row.metrics[metric];
        return typeof value === 'number'
          ? [{ run: row.id, group: null, value, count: 1, mean: value }]
          : [];
      });
    }
    return groups.data?.items.flatMap((group) => {
      const summary = group.metrics[metric];
      if (summary === undefined) return [];
      return [
        {
          run: isLess ? summary.least_run : summary.greatest_run,
          group: group.values[0] ?? t('runs.no_value'),
          value: isLess ? summary.least : summary.greatest,
          count: group.count,
          mean: summary.mean,
        },
      ];
    });
  })();
  const ids = leaders?.map((leader) => leader.run) ?? [];
  const named = useQuery({
    ...rowsQuery(
      {
        project,
        experiment,
        filter: `attributes.run_id IN (${ids.map(quoted).join(', ')})`,
      },
      0,
      Math.max(1, ids.length),
    ),
    enabled: by !== '' && ids.length > 0,
  });
  const curves = useQuery({
    ...curvesQuery(project, ids, metric ?? '', 60, false),
    enabled: ids.length > 0,
  });
  const names = new Map(
    (by === '' ? rows.data?.items : named.data?.items)?.map((row) => [row.id, row.name]),
  );
  const curveOf = new Map(curves.data?.items.map((curve) => [curve.run, curve]));
  const error = groups.error ?? rows.error;
  const problem = filterProblem(error);
  const groupColumns = [
    ...(columns.data?.parameters ?? []).map((key) => `params.${key}`),
    ...(columns.data?.tags ?? [])
      .filter((key) => !key.startsWith('mlflow.'))
      .map((key) => `tags.${key}`),
    'attributes.user_id',
  ];

  return (
    <>
      <div className="toolbar">
        <label className="row tight">
          {t('leaderboard.metric')}
          <select
            className="input small compact"
            value={metric ?? ''}
            onChange={(event) =>
              onSearch({
                metric: event.target.value,
                goal: isLessBetter(event.target.value) ? 'min' : undefined,
              })
            }
          >
            {metrics.map((key) => (
              <option key={key} value={key}>
                {key}
              </option>
            ))}
          </select>
        </label>
        <div className="segments" role="group" aria-label={t('leaderboard.goal')}>
          {(['max', 'min'] as const).map((goal) => (
            <button
              key={goal}
              type="button"
              className="segment"
              aria-pressed={isLess === (goal === 'min')}
              onClick={() => onSearch({ goal: goal === 'min' ? 'min' : undefined })}
            >
              {t(`leaderboard.goal_${goal}`)}
            </button>
          ))}
        </div>
        <label className="row tight">
          {t('leaderboard.best_of')}
          <select
            className="input small compact"
            value={by}
            onChange={(event) =>
              onSearch({ group: event.target.value === '' ? undefined : event.target.value })
            }
          >
            <option value="">{t('leaderboard.each_run')}</option>
            {[...new Set([...groupColumns, ...(by === '' ? [] : [by])])].map((id) => (
              <option key={id} value={id}>
                {id}
              </option>
            ))}
          </select>
        </label>
        <select
          className="input small compact"
          aria-label={t('leaderboard.top')}
          value={String(top)}
          onChange={(event) =>
            onSearch({ top: event.target.value === '10' ? undefined : event.target.value })
          }
        >
          {tops.map((one) => (
            <option key={one} value={one}>
              {t('leaderboard.top_n', { count: one })}
            </option>
          ))}
        </select>
        <FilterBox
          project={project}
          experiment={experiment}
          filter={search.filter}
          problem={problem}
          onFilter={(filter) => onSearch({ filter })}
        />
      </div>
      {error !== null && problem === undefined && <ErrorState error={error} />}
      {columns.data !== undefined && metrics.length === 0 ? (
        <NoRuns project={project} experiment={experiment} />
      ) : leaders === undefined ? (
        error === null && <Skeleton lines={10} />
      ) : leaders.length === 0 ? (
        <EmptyState title={t('runs.empty_filter')} />
      ) : (
        <div
          // A scrolling region must be reachable by keyboard.
          className="table-scroll"
          // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
          tabIndex={0}
          role="region"
          aria-label={t('leaderboard.title')}
        >
          <table className="plain-table leaderboard" aria-label={t('leaderboard.title')}>
            <thead>
              <tr>
                <th scope="col">{t('leaderboard.rank')}</th>
                {by !== '' && <th scope="col">{parseColumnId(by)?.key ?? by}</th>}
                <th scope="col">{t('runs.name')}</th>
                <th scope="col" className="right">
                  {metric}
                </th>
                <th scope="col">{t('leaderboard.curve')}</th>
                {by !== '' && (
                  <>
                    <th scope="col" className="right">
                      {t('runs.mean')}
                    </th>
                    <th scope="col" className="right">
                      {t('experiments.runs')}
                    </th>
                  </>
                )}
              </tr>
            </thead>
            <tbody>
              {leaders.map((leader, index) => (
                <tr key={`${leader.group ?? ''} ${leader.run}`}>
                  <td>
                    <span className={`rank rank-${index + 1}`}>{index + 1}</span>
                  </td>
                  {by !== '' && <td className="cut">{leader.group}</td>}
                  <td>
                    <span className="row one-line tight leader-name">
                      <span className="run-dot" style={{ background: runColour(leader.run) }} />
                      <Link
                        className="cut"
                        to="/$project/runs/$runId"
                        params={{ project, runId: leader.run }}
                        data-row-link
                      >
                        {names.get(leader.run) ?? '…'}
                      </Link>
                    </span>
                  </td>
                  <td className="right numeric">
                    <strong>{formatMetric(leader.value)}</strong>
                  </td>
                  <td>
                    <Sparkline curve={curveOf.get(leader.run)} colour={runColour(leader.run)} />
                  </td>
                  {by !== '' && (
                    <>
                      <td className="right numeric">{formatMetric(leader.mean)}</td>
                      <td className="right numeric">
                        {formatCount(leader.count, currentLanguage())}
                      </td>
                    </>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

const sparkWidth = 120;
const sparkHeight = 24;

function Sparkline({ curve, colour }: { curve: MetricCurve | undefined; colour: string }) {
  const path = useMemo(() => {
    if (curve === undefined || curve.steps.length < 2) return '';
    const line = toLine(curve, 'step', false);
    const values = line.y.filter((value) => value !== null);
    const low = Math.min(...values);
    const high = Math.max(...values);
    const first = line.x[0] ?? 0;
    const span = (line.x.at(-1) ?? 1) - first || 1;
    return line.x
      .flatMap((x, index) => {
        const value = line.y[index];
        if (value === null || value === undefined) return [];
        const px = 2 + ((x - first) / span) * (sparkWidth - 4);
        const py = sparkHeight - 3 - ((value - low) / (high - low || 1)) * (sparkHeight - 6);
        return [`${px.toFixed(1)},${py.toFixed(1)}`];
      })
      .join(' ');
  }, [curve]);
  return (
    <svg className="sparkline" width={sparkWidth} height={sparkHeight} aria-hidden="true">
      {path !== '' && <polyline points={path} stroke={colour} />}
    </svg>
  );
}
