import { useQueries } from '@tanstack/react-query';
import { Suspense, lazy, useMemo, useRef, useState, useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { chartAxes, type ChartSearch } from '../../app/router';
import { isLiveRun, metricQuery } from '../../api/queries';
import type { MetricSeries, Run } from '../../api/types';
import { currentLanguage } from '../../i18n';
import { formatDuration, formatMetric } from '../../i18n/format';
import type { ChartSeries } from '../../ui/chart';
import { EmptyState, ErrorState } from '../../ui/states';
import { smooth, toLine } from './series';
import './charts.css';

const Chart = lazy(() => import('../../ui/chart'));
const chartHeight = 190;

export interface RunChartsProps {
  project: string;
  runs: Run[];
  controls: ChartSearch;
  onControls?: (next: ChartSearch) => void;
}

export function metricKeys(runs: Run[]): string[] {
  return [...new Set(runs.flatMap((run) => Object.keys(run.metrics)))].sort((left, right) =>
    left.localeCompare(right),
  );
}

/** One chart a metric, the runs laid over each other. */
export function RunCharts({ project, runs, controls, onControls }: RunChartsProps) {
  const { t } = useTranslation();
  const keys = metricKeys(runs);
  const [filter, setFilter] = useState('');
  if (keys.length === 0) {
    return (
      <EmptyState
        title={t('charts.empty')}
        command={'import mlflow\nmlflow.log_metric("loss", 0.25, step=1)'}
      >
        {t('charts.empty_text')}
      </EmptyState>
    );
  }
  const shown = keys.filter((key) => key.toLowerCase().includes(filter.trim().toLowerCase()));
  return (
    <div>
      {onControls !== undefined && (
        <div className="toolbar">
          <div className="segments" role="group" aria-label={t('charts.axis')}>
            {chartAxes.map((axis) => (
              <button
                key={axis}
                type="button"
                className="segment"
                aria-pressed={(controls.axis ?? 'step') === axis}
                onClick={() =>
                  onControls({ ...controls, axis: axis === 'step' ? undefined : axis })
                }
              >
                {t(`charts.axis_${axis}`)}
              </button>
            ))}
          </div>
          <label className="row tight">
            <input
              type="checkbox"
              checked={controls.log === '1'}
              onChange={(event) =>
                onControls({ ...controls, log: event.target.checked ? '1' : undefined })
              }
            />
            {t('charts.log')}
          </label>
          <label className="row tight">
            {t('charts.smooth')}
            <input
              type="range"
              min="0"
              max="0.98"
              step="0.02"
              value={controls.smooth ?? '0'}
              onChange={(event) =>
                onControls({
                  ...controls,
                  smooth: event.target.value === '0' ? undefined : event.target.value,
                })
              }
            />
          </label>
          <span className="grow" />
          {keys.length > 6 && (
            <input
              type="search"
              data-page-search
              className="input small chart-filter"
              placeholder={t('charts.filter')}
              aria-label={t('charts.filter')}
              value={filter}
              onChange={(event) => setFilter(event.target.value)}
            />
          )}
        </div>
      )}
      <div className="charts">
        {shown.map((key) => (
          <MetricChart key={key} name={key} project={project} runs={runs} controls={controls} />
        ))}
      </div>
    </div>
  );
}

interface MetricChartProps {
  name: string;
  project: string;
  runs: Run[];
  controls: ChartSearch;
}

// A run may have hundreds of metrics: a chart asks for its points only once it comes into view.
function useSeen(): [React.RefObject<HTMLElement | null>, boolean] {
  const element = useRef<HTMLElement>(null);
  const [isSeen, setSeen] = useState(false);
  useEffect(() => {
    if (element.current === null) return;
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) {
          setSeen(true);
          observer.disconnect();
        }
      },
      { rootMargin: '300px' },
    );
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return [element, isSeen];
}

function combineSeries(results: { data: MetricSeries | undefined; error: unknown }[]) {
  return {
    data: results.map((result) => result.data),
    error: results.find((result) => result.error !== null)?.error ?? null,
  };
}

function MetricChart({ name, project, runs, controls }: MetricChartProps) {
  const { t } = useTranslation();
  const [element, isSeen] = useSeen();
  const axis = controls.axis ?? 'step';
  const isLogarithmic = controls.log === '1';
  const weight = Math.min(0.99, Math.max(0, Number(controls.smooth ?? 0) || 0));
  const withMetric = useMemo(
    () =>
      runs
        .map((run, index) => ({ run, index }))
        .filter(({ run }) => run.metrics[name] !== undefined),
    [runs, name],
  );
  const { data, error } = useQueries({
    queries: withMetric.map(({ run }) => ({
      ...metricQuery(project, run.id, name, isLiveRun(run)),
      enabled: isSeen,
    })),
    combine: combineSeries,
  });

  const series = useMemo(() => {
    const lines: ChartSeries[] = [];
    withMetric.forEach(({ run, index }, place) => {
      const points = data[place]?.points;
      if (points === undefined) return;
      const line = toLine(points, axis, isLogarithmic);
      const label = runs.length === 1 ? name : run.name;
      if (weight > 0) {
        lines.push({ label: `${label} (${t('charts.raw')})`, colour: index, ...line, faint: true });
      }
      lines.push({ label, colour: index, x: line.x, y: smooth(line.y, weight) });
    });
    return lines;
  }, [withMetric, data, axis, isLogarithmic, weight, runs.length, name, t]);

  const only = runs.length === 1 ? runs[0]?.metrics[name] : undefined;
  const points = data.reduce((sum, one) => sum + (one?.points.length ?? 0), 0);
  const total = data.reduce((sum, one) => sum + (one?.total ?? 0), 0);
  const isSinglePoint = data.length > 0 && data.every((one) => one !== undefined && one.total <= 1);
  return (
    <figure ref={element} className="metric-chart">
      <figcaption>
        <span className="cut grow" title={name}>
          {name}
        </span>
        {total > points && (
          <span className="muted" title={t('charts.sampled', { points, total })}>
            {points} / {total}
          </span>
        )}
        {only !== undefined && <strong>{formatMetric(only.value)}</strong>}
      </figcaption>
      {error !== null ? (
        <ErrorState error={error} />
      ) : isSinglePoint ? (
        <SingleValues runs={withMetric.map(({ run }) => run)} name={name} />
      ) : series.length === 0 ? (
        <div className="skeleton" style={{ height: chartHeight + 20 }} />
      ) : (
        <Suspense fallback={<div className="skeleton" style={{ height: chartHeight + 20 }} />}>
          <Chart
            series={series}
            axis={axis === 'step' ? 'number' : axis === 'time' ? 'time' : 'elapsed'}
            label={t('charts.summary', {
              name,
              points: total,
              last:
                only === undefined
                  ? withMetric
                      .map(({ run }) => formatMetric(run.metrics[name]?.value ?? 0))
                      .join(', ')
                  : formatMetric(only.value),
            })}
            logarithmic={isLogarithmic}
            height={chartHeight}
            syncKey="runs"
            formatY={formatMetric}
            labelX={t(`charts.axis_${axis}`)}
            formatX={
              axis === 'relative'
                ? (value) => formatDuration(value * 1000, currentLanguage())
                : formatMetric
            }
            legend={runs.length === 1 || runs.length <= 10}
          />
        </Suspense>
      )}
    </figure>
  );
}

/** A metric logged once has no curve: the numbers themselves say more. */
function SingleValues({ runs, name }: { runs: Run[]; name: string }) {
  const values = runs.map((run) => run.metrics[name]?.value ?? 'NaN');
  const largest = Math.max(
    ...values.map((value) => (typeof value === 'number' ? Math.abs(value) : 0)),
  );
  return (
    <ul className="single-values">
      {runs.map((run, index) => {
        const value = values[index] ?? 'NaN';
        const share = typeof value === 'number' && largest > 0 ? Math.abs(value) / largest : 0;
        return (
          <li key={run.id}>
            {runs.length > 1 && (
              <span className="cut" title={run.name}>
                {run.name}
              </span>
            )}
            <span className="numeric">{formatMetric(value)}</span>
            {runs.length > 1 && (
              <div className="meter">
                <div
                  style={{ width: `${share * 100}%`, background: `var(--data-${(index % 8) + 1})` }}
                />
              </div>
            )}
          </li>
        );
      })}
    </ul>
  );
}
