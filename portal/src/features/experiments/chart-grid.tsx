import { useQuery } from '@tanstack/react-query';
import { Suspense, lazy, memo, useEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ChartSearch } from '../../app/router';
import { curvesQuery } from '../../api/tracking';
import type { MetricCurve } from '../../api/types';
import { currentLanguage } from '../../i18n';
import { formatDuration, formatMetric } from '../../i18n/format';
import { Icon } from '../../ui/icon';
import type { Line } from '../../ui/plot/line-plot';
import { EmptyState, ErrorState } from '../../ui/states';
import { runColour } from './run-colour';
import { sectionsOf, smooth, toLine } from './series';
import './charts.css';

const LinePlot = lazy(() => import('../../ui/plot/line-plot'));
const plotHeight = 200;

/** What a chart needs to know of a run. */
export interface ChartRun {
  id: string;
  name: string;
  isLive: boolean;
}

export interface ChartGridProps {
  project: string;
  runs: ChartRun[];
  metrics: string[];
  controls: ChartSearch;
  highlighted?: string | null;
  onHighlight?: (id: string | null) => void;
}

/** One chart a metric, the runs laid over each other, in sections by the metrics' prefixes. */
export function ChartGrid({ metrics, controls, ...rest }: ChartGridProps) {
  const { t } = useTranslation();
  const part = (controls.find ?? '').trim().toLowerCase();
  const sections = useMemo(
    () => sectionsOf(metrics.filter((key) => key.toLowerCase().includes(part))),
    [metrics, part],
  );
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  if (metrics.length === 0) {
    return (
      <EmptyState
        title={t('charts.empty')}
        command={'import mlflow\nmlflow.log_metric("loss", 0.25, step=1)'}
      >
        {t('charts.empty_text')}
      </EmptyState>
    );
  }
  if (sections.length === 0) return <EmptyState title={t('charts.none_found')} />;
  const isOnly = sections.length === 1;
  return (
    <>
      {sections.map((section) => {
        const isOpen = part !== '' || !closed.has(section.name);
        const title =
          section.name === ''
            ? t('charts.section_plain')
            : section.name === 'system'
              ? t('charts.section_system')
              : section.name;
        return (
          <section key={section.name} className="chart-section" aria-label={title}>
            {!isOnly && (
              <h2>
                <button
                  type="button"
                  className="section-toggle"
                  aria-expanded={isOpen}
                  onClick={() => {
                    const next = new Set(closed);
                    if (!next.delete(section.name)) next.add(section.name);
                    setClosed(next);
                  }}
                >
                  <Icon name={isOpen ? 'chevronDown' : 'chevronRight'} size={12} />
                  {title}
                  <span className="badge">{section.keys.length}</span>
                </button>
              </h2>
            )}
            {isOpen && (
              <div className="charts">
                {section.keys.map((key) => (
                  <MetricChart key={key} name={key} controls={controls} {...rest} />
                ))}
              </div>
            )}
          </section>
        );
      })}
    </>
  );
}

/** Whether an element is in view or nearly so: hundreds of charts must not all be drawn. */
function useNear(): [React.RefObject<HTMLElement | null>, boolean] {
  const element = useRef<HTMLElement>(null);
  const [isNear, setNear] = useState(false);
  useEffect(() => {
    if (element.current === null) return;
    const observer = new IntersectionObserver(
      (entries) => setNear(entries.at(-1)?.isIntersecting === true),
      { rootMargin: '400px' },
    );
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return [element, isNear];
}

function pointsFor(count: number): number {
  if (count === 1) return 1000;
  return count <= 20 ? 600 : count <= 100 ? 300 : 200;
}

const MetricChart = memo(function MetricChart({
  name,
  project,
  runs,
  controls,
  highlighted,
  onHighlight,
}: Omit<ChartGridProps, 'metrics'> & { name: string }) {
  const { t } = useTranslation();
  const [element, isNear] = useNear();
  const axis = controls.axis ?? 'step';
  const isLogarithmic = controls.log === '1';
  const weight = Math.min(0.99, Math.max(0, Number(controls.smooth ?? 0) || 0));
  const ids = useMemo(() => runs.map((run) => run.id), [runs]);
  const isLive = runs.some((run) => run.isLive);
  const { data, error, refetch } = useQuery({
    ...curvesQuery(project, ids, name, pointsFor(ids.length), isLive && isNear),
    enabled: isNear && ids.length > 0,
  });
  const curves = data?.items;

  const lines = useMemo(() => {
    const byRun = new Map((curves ?? []).map((curve) => [curve.run, curve]));
    return runs.flatMap((run): Line[] => {
      const curve = byRun.get(run.id);
      if (curve === undefined) return [];
      const line = toLine(curve, axis, isLogarithmic);
      const isSmooth = weight > 0;
      return [
        {
          id: run.id,
          label: run.name,
          colour: runColour(run.id),
          x: line.x,
          y: isSmooth ? smooth(line.y, weight) : line.y,
          raw: isSmooth ? line.y : undefined,
        },
      ];
    });
  }, [curves, runs, axis, isLogarithmic, weight]);

  const points = (curves ?? []).reduce((sum, curve) => sum + curve.steps.length, 0);
  const total = (curves ?? []).reduce((sum, curve) => sum + curve.total, 0);
  const isSinglePoint =
    curves !== undefined && curves.length > 0 && curves.every((curve) => curve.total <= 1);
  const lasts = (curves ?? []).map((curve) => curve.values.at(-1) ?? 'NaN');
  const only = runs.length === 1 ? lasts[0] : undefined;
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
        {only !== undefined && <strong>{formatMetric(only)}</strong>}
      </figcaption>
      {error !== null ? (
        <ErrorState error={error} retry={() => void refetch()} />
      ) : curves === undefined || !isNear ? (
        <div className={isNear ? 'skeleton' : undefined} style={{ height: plotHeight }} />
      ) : curves.length === 0 ? (
        <p className="muted chart-none" style={{ height: plotHeight }}>
          {t('charts.no_run')}
        </p>
      ) : isSinglePoint ? (
        <SingleValues runs={runs} curves={curves} />
      ) : (
        <Suspense fallback={<div className="skeleton" style={{ height: plotHeight }} />}>
          <LinePlot
            lines={lines}
            axis={axis === 'step' ? 'number' : axis === 'time' ? 'time' : 'elapsed'}
            label={t('charts.summary', {
              name,
              points: total,
              last: lasts.slice(0, 5).map(formatMetric).join(', '),
            })}
            logX={controls.logx === '1' && axis !== 'time'}
            logY={isLogarithmic}
            height={plotHeight}
            formatY={formatMetric}
            formatX={axis === 'relative' ? formatElapsed : formatMetric}
            highlighted={highlighted ?? null}
            {...(onHighlight === undefined ? {} : { onHighlight })}
          />
        </Suspense>
      )}
    </figure>
  );
});

function formatElapsed(seconds: number): string {
  return formatDuration(seconds * 1000, currentLanguage());
}

/** A metric logged once has no curve: the numbers themselves say more. */
function SingleValues({ runs, curves }: { runs: ChartRun[]; curves: MetricCurve[] }) {
  const values = new Map(curves.map((curve) => [curve.run, curve.values[0] ?? 'NaN']));
  const largest = Math.max(
    ...[...values.values()].map((value) => (typeof value === 'number' ? Math.abs(value) : 0)),
  );
  return (
    // A scrolling region must be reachable by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <ul className="single-values" tabIndex={0} style={{ maxHeight: plotHeight }}>
      {runs.map((run) => {
        const value = values.get(run.id);
        if (value === undefined) return null;
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
                <div style={{ width: `${share * 100}%`, background: runColour(run.id) }} />
              </div>
            )}
          </li>
        );
      })}
    </ul>
  );
}
