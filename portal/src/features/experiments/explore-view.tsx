import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { Suspense, lazy, useCallback, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { columnsQuery, rowsQuery } from '../../api/tracking';
import type { RunColumns, RunRow } from '../../api/types';
import { exploreKinds } from '../../app/router';
import { listToText } from '../../app/search';
import { formatMetric } from '../../i18n/format';
import { Button, IconButton } from '../../ui/button';
import { EmptyState, ErrorState, Skeleton } from '../../ui/states';
import { axisOf, heat, isWithin, shareOf, type AxisData } from './axes';
import { FilterBox } from './filter-box';
import { metricOf, exploreColumns } from './explore-columns';
import { runColour } from './run-colour';
import { filterProblem, newestFirst, NoRuns, type ExperimentViewProps } from './runs-view';
import './explore.css';

const ParallelPlot = lazy(() => import('../../ui/plot/parallel-plot'));
const ScatterPlot = lazy(() => import('../../ui/plot/scatter-plot'));
const counts = [100, 500, 2000, 10_000];
const drawnAtFirst = 500;
const plotHeight = 460;
const barsShown = 100;
const selectedMost = 500;

/** Many runs at once: parallel coordinates, any two columns, bars. */
export default function ExploreView(props: ExperimentViewProps) {
  const { t } = useTranslation();
  const { project, experiment, search, onSearch } = props;
  const available = useQuery(columnsQuery(project, experiment));
  const kind = search.kind ?? 'parallel';
  const count = counts.find((one) => String(one) === search.draw) ?? drawnAtFirst;
  const choice = useMemo(() => exploreColumns(search, available.data), [search, available.data]);
  const columns = useMemo(() => {
    const all =
      kind === 'parallel' ? choice.axes : kind === 'scatter' ? [choice.x, choice.y] : [choice.y];
    return [...new Set([...all, choice.colour])].filter(
      (id) => id !== '' && !id.startsWith('attributes.'),
    );
  }, [kind, choice]);
  const rows = useQuery({
    ...rowsQuery(
      {
        project,
        experiment,
        filter: search.filter,
        order: [search.order ?? newestFirst],
        columns,
      },
      0,
      count,
    ),
    enabled: available.data !== undefined,
    placeholderData: keepPreviousData,
    retry: false,
  });
  const problem = filterProblem(rows.error);
  const items = rows.data?.items;
  return (
    <>
      <div className="toolbar">
        <div className="segments" role="group" aria-label={t('explore.kind')}>
          {exploreKinds.map((one) => (
            <button
              key={one}
              type="button"
              className="segment"
              aria-pressed={kind === one}
              onClick={() => onSearch({ kind: one === 'parallel' ? undefined : one })}
            >
              {t(`explore.${one}`)}
            </button>
          ))}
        </div>
        <FilterBox
          project={project}
          experiment={experiment}
          filter={search.filter}
          problem={problem}
          onFilter={(filter) => onSearch({ filter })}
        />
        <label className="row tight">
          {t('charts.draw')}
          <select
            className="input small compact"
            value={String(count)}
            onChange={(event) =>
              onSearch({
                draw: event.target.value === String(drawnAtFirst) ? undefined : event.target.value,
              })
            }
          >
            {counts.map((one) => (
              <option key={one} value={one}>
                {t('charts.first_runs', { count: one })}
              </option>
            ))}
          </select>
        </label>
      </div>
      {rows.error !== null && problem === undefined && <ErrorState error={rows.error} />}
      {available.data === undefined || (items === undefined && rows.error === null) ? (
        <Skeleton lines={12} />
      ) : items === undefined ? null : items.length === 0 ? (
        search.filter === undefined ? (
          <NoRuns project={project} experiment={experiment} />
        ) : (
          <EmptyState title={t('runs.empty_filter')} />
        )
      ) : (
        <Suspense fallback={<div className="skeleton" style={{ height: plotHeight }} />}>
          {kind === 'parallel' && (
            <Parallel {...props} rows={items} choice={choice} available={available.data} />
          )}
          {kind === 'scatter' && (
            <Scatter {...props} rows={items} choice={choice} available={available.data} />
          )}
          {kind === 'bar' && (
            <Bars {...props} rows={items} choice={choice} available={available.data} />
          )}
        </Suspense>
      )}
    </>
  );
}

type KindProps = ExperimentViewProps & {
  rows: RunRow[];
  choice: ReturnType<typeof exploreColumns>;
  available: RunColumns;
};

function idsOf(available: RunColumns): string[] {
  return [
    ...available.metrics.map((key) => `metrics.${key}`),
    ...available.parameters.map((key) => `params.${key}`),
    ...available.tags.filter((key) => !key.startsWith('mlflow.')).map((key) => `tags.${key}`),
    'attributes.start_time',
    'attributes.duration',
    'attributes.user_id',
    'attributes.status',
  ];
}

interface ColumnSelectProps {
  label: string;
  value: string;
  ids: string[];
  empty?: string;
  onChange: (id: string) => void;
}

function ColumnSelect({ label, value, ids, empty, onChange }: ColumnSelectProps) {
  return (
    <label className="row tight">
      {label}
      <select
        className="input small compact"
        value={value}
        onChange={(event) => onChange(event.target.value)}
      >
        {empty !== undefined && <option value="">{empty}</option>}
        {[...new Set([...ids, ...(value === '' ? [] : [value])])].map((id) => (
          <option key={id} value={id}>
            {id}
          </option>
        ))}
      </select>
    </label>
  );
}

function useColours(rows: RunRow[], colour: AxisData | null): string[] {
  return useMemo(
    () =>
      rows.map((row, index) => {
        const value = colour?.values[index];
        return colour === null || value === null || value === undefined
          ? runColour(row.id)
          : heat(shareOf(colour, value));
      }),
    [rows, colour],
  );
}

function ColourScale({ axis }: { axis: AxisData | null }) {
  if (axis === null) return null;
  const end = (value: number) => axis.texts?.[value] ?? formatMetric(value);
  return (
    <p className="row tight colour-scale">
      <span className="cut">{axis.label}</span>
      <span className="numeric muted">{end(axis.min)}</span>
      <span
        className="colour-ramp"
        style={{
          background: `linear-gradient(to right, ${[0, 0.25, 0.5, 0.75, 1].map(heat).join(', ')})`,
        }}
      />
      <span className="numeric muted">{end(axis.max)}</span>
    </p>
  );
}

function Parallel({ rows, choice, available, onSearch }: KindProps) {
  const { t } = useTranslation();
  const [brushes, setBrushes] = useState<ReadonlyMap<string, [number, number]>>(new Map());
  const axes = useMemo(
    () => choice.axes.map((id) => axisOf(id, rows)).filter((axis) => axis !== null),
    [choice.axes, rows],
  );
  const colour = useMemo(() => axisOf(choice.colour, rows), [choice.colour, rows]);
  const colours = useColours(rows, colour);
  const names = useMemo(() => rows.map((row) => row.name), [rows]);
  const isLit = useCallback((index: number) => isWithin(axes, brushes, index), [axes, brushes]);
  const lit = useMemo(() => rows.filter((_, index) => isLit(index)), [rows, isLit]);
  const set = (ids: string[]) => onSearch({ axes: listToText(ids) });
  const ids = idsOf(available);
  return (
    <>
      <div className="toolbar">
        <ul className="axis-list">
          {choice.axes.map((id) => (
            <li key={id}>
              <span className="cut" title={id}>
                {id.slice(id.indexOf('.') + 1)}
              </span>
              <IconButton
                icon="close"
                label={t('explore.remove_axis', { name: id })}
                onClick={() => set(choice.axes.filter((one) => one !== id))}
              />
            </li>
          ))}
        </ul>
        <ColumnSelect
          label={t('explore.add_axis')}
          value=""
          empty="–"
          ids={ids.filter((id) => !choice.axes.includes(id))}
          onChange={(id) => set([...choice.axes, id])}
        />
        <ColumnSelect
          label={t('explore.colour')}
          value={choice.colour}
          ids={ids}
          empty={t('explore.colour_run')}
          onChange={(id) => onSearch({ colour: id === '' ? '-' : id })}
        />
      </div>
      <div className="selection-bar">
        <ColourScale axis={colour} />
        <span className="grow" />
        <span className="muted">
          {brushes.size > 0
            ? t('explore.brushed', { count: lit.length, total: rows.length })
            : t('explore.brush_hint')}
        </span>
        {brushes.size > 0 && (
          <>
            <Button look="quiet" onClick={() => setBrushes(new Map())}>
              {t('explore.clear')}
            </Button>
            <Button
              disabled={lit.length === 0}
              onClick={() =>
                onSearch({
                  runs: listToText(lit.slice(0, selectedMost).map((row) => row.id)),
                  tab: 'charts',
                })
              }
            >
              {t('explore.open_charts')}
            </Button>
          </>
        )}
      </div>
      {axes.length < 2 ? (
        <EmptyState title={t('explore.two_axes')} />
      ) : (
        <div
          className="parallel-scroll"
          // A scrolling region must be reachable by keyboard.
          // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
          tabIndex={0}
          role="region"
          aria-label={t('explore.parallel')}
        >
          <div style={{ minWidth: 140 + axes.length * 90 }}>
            <ParallelPlot
              axes={axes}
              names={names}
              colours={colours}
              isLit={isLit}
              brushes={brushes}
              onBrush={(axis, range) => {
                const next = new Map(brushes);
                if (range === null) next.delete(axis);
                else next.set(axis, range);
                setBrushes(next);
              }}
              format={formatMetric}
              label={t('explore.parallel_label', {
                count: rows.length,
                axes: axes.map((axis) => axis.label).join(', '),
              })}
              height={plotHeight}
            />
          </div>
        </div>
      )}
    </>
  );
}

function Scatter({ project, rows, choice, available, search, onSearch }: KindProps) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const ids = idsOf(available);
  const x = useMemo(() => axisOf(choice.x, rows), [choice.x, rows]);
  const y = useMemo(() => axisOf(choice.y, rows), [choice.y, rows]);
  const colour = useMemo(() => axisOf(choice.colour, rows), [choice.colour, rows]);
  const colours = useColours(rows, colour);
  const names = useMemo(() => rows.map((row) => row.name), [rows]);
  return (
    <>
      <div className="toolbar">
        <ColumnSelect
          label={t('explore.x')}
          value={choice.x}
          ids={ids}
          onChange={(id) => onSearch({ x: id })}
        />
        <ColumnSelect
          label={t('explore.y')}
          value={choice.y}
          ids={ids}
          onChange={(id) => onSearch({ y: id })}
        />
        <ColumnSelect
          label={t('explore.colour')}
          value={choice.colour}
          ids={ids}
          empty={t('explore.colour_run')}
          onChange={(id) => onSearch({ colour: id === '' ? '-' : id })}
        />
        <label className="row tight">
          <input
            type="checkbox"
            checked={search.logx === '1'}
            onChange={(event) => onSearch({ logx: event.target.checked ? '1' : undefined })}
          />
          {t('charts.log_x')}
        </label>
        <label className="row tight">
          <input
            type="checkbox"
            checked={search.log === '1'}
            onChange={(event) => onSearch({ log: event.target.checked ? '1' : undefined })}
          />
          {t('charts.log')}
        </label>
        <span className="grow" />
        <ColourScale axis={colour} />
      </div>
      {x !== null && y !== null && (
        <ScatterPlot
          x={x}
          y={y}
          names={names}
          colours={colours}
          logX={search.logx === '1'}
          logY={search.log === '1'}
          format={formatMetric}
          label={t('explore.scatter_label', { count: rows.length, x: x.label, y: y.label })}
          height={plotHeight}
          onOpen={(index) => {
            const run = rows[index];
            if (run !== undefined)
              void navigate({ to: '/$project/runs/$runId', params: { project, runId: run.id } });
          }}
        />
      )}
    </>
  );
}

function Bars({ rows, choice, available, onSearch }: KindProps) {
  const { t } = useTranslation();
  const key = choice.y.startsWith('metrics.') ? choice.y.slice('metrics.'.length) : '';
  const values = rows
    .flatMap((row) => {
      const value = metricOf(row, key);
      return value === null ? [] : [{ row, value }];
    })
    .sort((left, right) => right.value - left.value);
  const shown = values.slice(0, barsShown);
  const largest = Math.max(...values.map((one) => Math.abs(one.value)), 0);
  return (
    <>
      <div className="toolbar">
        <ColumnSelect
          label={t('leaderboard.metric')}
          value={choice.y}
          ids={available.metrics.map((one) => `metrics.${one}`)}
          onChange={(id) => onSearch({ y: id })}
        />
        {values.length > shown.length && (
          <span className="muted">
            {t('explore.bars_shown', { count: shown.length, total: values.length })}
          </span>
        )}
      </div>
      {shown.length === 0 ? (
        <EmptyState title={t('charts.no_run')} />
      ) : (
        <ul className="bars" aria-label={key}>
          {shown.map(({ row, value }) => (
            <li key={row.id}>
              <span className="cut" title={row.name}>
                {row.name}
              </span>
              <span className="bar">
                <span
                  style={{
                    width: `${largest === 0 ? 0 : (Math.abs(value) / largest) * 100}%`,
                    background: runColour(row.id),
                    opacity: value < 0 ? 0.5 : 1,
                  }}
                />
              </span>
              <span className="numeric right">{formatMetric(value)}</span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
