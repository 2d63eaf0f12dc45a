import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { columnsQuery, isLive, rowsQuery } from '../../api/tracking';
import { listToText, textToList } from '../../app/search';
import { EmptyState, ErrorState, Skeleton } from '../../ui/states';
import { ChartControls } from './chart-controls';
import { ChartGrid, type ChartRun } from './chart-grid';
import { FilterBox } from './filter-box';
import { quoted } from './run-columns';
import { runColour } from './run-colour';
import { filterProblem, newestFirst, NoRuns, type ExperimentViewProps } from './runs-view';
import './charts.css';

const counts = [10, 25, 50, 100, 200, 500];
const drawnAtFirst = 25;

/** The curves of the runs that are selected in the table, or of its first ones. */
export default function ChartsView({ project, experiment, search, onSearch }: ExperimentViewProps) {
  const { t } = useTranslation();
  const columns = useQuery(columnsQuery(project, experiment));
  const chosen = textToList(search.runs);
  const count = counts.find((one) => String(one) === search.draw) ?? drawnAtFirst;
  const order = search.order ?? newestFirst;
  const filter =
    chosen.length > 0 ? `attributes.run_id IN (${chosen.map(quoted).join(', ')})` : search.filter;
  const rows = useQuery({
    ...rowsQuery(
      { project, experiment, filter, order: [order] },
      0,
      chosen.length > 0 ? chosen.length : count,
    ),
    retry: false,
  });
  const [highlighted, setHighlighted] = useState<string | null>(null);
  const hidden = useMemo(() => new Set(textToList(search.hidden)), [search.hidden]);
  const items = rows.data?.items;
  const runs = useMemo(
    () =>
      (items ?? []).map((row): ChartRun => ({ id: row.id, name: row.name, isLive: isLive(row) })),
    [items],
  );
  const shown = useMemo(() => runs.filter((run) => !hidden.has(run.id)), [runs, hidden]);
  const problem = filterProblem(rows.error);
  return (
    <>
      <div className="toolbar">
        {chosen.length > 0 ? (
          <p className="grow row tight">
            {t('charts.selected', { count: chosen.length })}
            <button
              type="button"
              className="link"
              onClick={() => onSearch({ runs: undefined, hidden: undefined })}
            >
              {t('charts.draw_all')}
            </button>
          </p>
        ) : (
          <>
            <FilterBox
              project={project}
              experiment={experiment}
              filter={search.filter}
              problem={problem}
              onFilter={(next) => onSearch({ filter: next })}
            />
            <label className="row tight">
              {t('charts.draw')}
              <select
                className="input small compact"
                value={String(count)}
                onChange={(event) =>
                  onSearch({
                    draw:
                      event.target.value === String(drawnAtFirst) ? undefined : event.target.value,
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
          </>
        )}
      </div>
      <ChartControls controls={search} onControls={onSearch} />
      <Legend
        runs={runs}
        hidden={hidden}
        onHighlight={setHighlighted}
        onHidden={(next) => onSearch({ hidden: listToText([...next]) })}
      />
      {rows.error !== null && problem === undefined && <ErrorState error={rows.error} />}
      {rows.error === null &&
        (items === undefined || columns.data === undefined ? (
          <Skeleton lines={10} />
        ) : items.length === 0 ? (
          search.filter === undefined ? (
            <NoRuns project={project} experiment={experiment} />
          ) : (
            <EmptyState title={t('runs.empty_filter')} />
          )
        ) : (
          <ChartGrid
            project={project}
            runs={shown}
            metrics={columns.data.metrics}
            controls={search}
            highlighted={highlighted}
            onHighlight={setHighlighted}
          />
        ))}
    </>
  );
}

interface LegendProps {
  runs: ChartRun[];
  hidden: ReadonlySet<string>;
  onHighlight: (id: string | null) => void;
  onHidden: (next: ReadonlySet<string>) => void;
}

/** The runs' colours; each can be hidden, and pointing at one brings out its lines. */
export function Legend({ runs, hidden, onHighlight, onHidden }: LegendProps) {
  const { t } = useTranslation();
  return (
    <ul className="legend" aria-label={t('charts.legend')}>
      {runs.map((run) => {
        const isShown = !hidden.has(run.id);
        return (
          <li key={run.id}>
            <button
              type="button"
              className="legend-run"
              aria-pressed={isShown}
              title={isShown ? t('charts.hide_run') : t('charts.show_run')}
              onPointerEnter={() => onHighlight(run.id)}
              onPointerLeave={() => onHighlight(null)}
              onFocus={() => onHighlight(run.id)}
              onBlur={() => onHighlight(null)}
              onClick={() => {
                const next = new Set(hidden);
                if (!next.delete(run.id)) next.add(run.id);
                onHidden(next);
              }}
            >
              <span
                className="run-dot"
                style={isShown ? { background: runColour(run.id) } : undefined}
              />
              <span className="cut">{run.name}</span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}
