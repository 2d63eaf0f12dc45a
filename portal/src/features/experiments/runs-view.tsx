import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useCallback, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiError } from '../../api/errors';
import { columnsQuery } from '../../api/tracking';
import { listToText, textToList } from '../../app/search';
import type { ExperimentSearch } from '../../app/router';
import { currentLanguage } from '../../i18n';
import { formatCount } from '../../i18n/format';
import { Button } from '../../ui/button';
import { Icon } from '../../ui/icon';
import { EmptyState, ErrorState } from '../../ui/states';
import { showError } from '../../ui/toast';
import { ColumnChooser } from './column-chooser';
import { downloadBlob, exportCsv } from './export-csv';
import { FilterBox } from './filter-box';
import { recallColumns, rememberColumns } from './remembered-columns';
import {
  columnId,
  columnName,
  defaultColumns,
  parseColumns,
  wantedColumns,
  type RunColumn,
} from './run-columns';
import { RunsTable, type Aggregate } from './runs-table';
import { useRunRows } from './use-run-rows';

export const newestFirst = 'attributes.start_time DESC';
const selectedMost = 500;

export interface ExperimentViewProps {
  project: string;
  experiment: string;
  search: ExperimentSearch;
  onSearch: (change: Partial<ExperimentSearch>) => void;
}

/** The columns of the address, else those that were chosen last, else the first of each kind. */
export function useShownColumns({ project, experiment, search }: ExperimentViewProps): RunColumn[] {
  const { data } = useQuery(columnsQuery(project, experiment));
  return useMemo(() => {
    if (search.columns !== undefined) return parseColumns(textToList(search.columns));
    const remembered = recallColumns(project, experiment);
    return remembered === null ? defaultColumns(data) : parseColumns(remembered);
  }, [search.columns, project, experiment, data]);
}

/** What was said about the filter, for showing beside it. */
export function filterProblem(error: unknown): string | undefined {
  return error instanceof ApiError && error.code === 'invalid_argument' ? error.message : undefined;
}

export function RunsView(props: ExperimentViewProps) {
  const { t } = useTranslation();
  const { project, experiment, search, onSearch } = props;
  const available = useQuery(columnsQuery(project, experiment));
  const columns = useShownColumns(props);
  const [range, setRange] = useState<[number, number]>([0, 0]);
  const [isExporting, setExporting] = useState(false);
  const groupBy = useMemo(() => textToList(search.group), [search.group]);
  const order = search.order ?? newestFirst;
  const isNested = search.nested === '1' && groupBy.length === 0;
  const wanted = useMemo(
    () => ({
      project,
      experiment,
      filter: search.filter,
      order: [order],
      columns: wantedColumns(columns),
      isNested,
      groupBy,
      groupMetrics: columns.filter((one) => one.kind === 'metrics').map((one) => one.key),
      isReady: !available.isPending,
    }),
    [project, experiment, search.filter, order, columns, isNested, groupBy, available.isPending],
  );
  const rows = useRunRows(wanted, range[0], range[1]);
  const onRange = useCallback(
    (first: number, last: number) =>
      setRange((old) => (old[0] === first && old[1] === last ? old : [first, last])),
    [],
  );
  const selected = useMemo(() => new Set(textToList(search.runs)), [search.runs]);
  const select = (ids: string[], isSelected: boolean) => {
    const next = new Set(selected);
    for (const id of ids) {
      if (isSelected) next.add(id);
      else next.delete(id);
    }
    onSearch({ runs: listToText([...next].slice(0, selectedMost)) });
  };
  const changeColumns = (next: RunColumn[]) => {
    const ids = next.map(columnId);
    rememberColumns(project, experiment, ids);
    onSearch({ columns: listToText(ids) ?? '-' });
  };
  const problem = filterProblem(rows.error);
  const isLoading = rows.error === null && (rows.total === undefined || available.isPending);
  const exportShown = async () => {
    setExporting(true);
    try {
      downloadBlob(await exportCsv(rows.frozen, columns), `${experiment}.csv`);
    } catch (error) {
      showError(error);
    } finally {
      setExporting(false);
    }
  };

  return (
    <>
      <div className="toolbar">
        <FilterBox
          project={project}
          experiment={experiment}
          filter={search.filter}
          problem={problem}
          onFilter={(filter) => onSearch({ filter })}
        />
        <GroupChoice
          available={[
            'attributes.status',
            'attributes.user_id',
            ...(available.data?.parameters ?? []).map((key) => `params.${key}`),
            ...(available.data?.tags ?? [])
              .filter((key) => !key.startsWith('mlflow.'))
              .map((key) => `tags.${key}`),
          ]}
          chosen={groupBy}
          onChange={(next) => onSearch({ group: listToText(next) })}
        />
        {groupBy.length > 0 ? (
          <select
            className="input small compact"
            aria-label={t('runs.aggregate')}
            value={search.aggregate ?? 'mean'}
            onChange={(event) =>
              onSearch({
                aggregate:
                  event.target.value === 'mean' ? undefined : (event.target.value as Aggregate),
              })
            }
          >
            {(['mean', 'least', 'greatest'] as const).map((one) => (
              <option key={one} value={one}>
                {t(`runs.${one}`)}
              </option>
            ))}
          </select>
        ) : (
          <label className="row tight">
            <input
              type="checkbox"
              checked={isNested}
              onChange={(event) => onSearch({ nested: event.target.checked ? '1' : undefined })}
            />
            {t('runs.nested')}
          </label>
        )}
        <ColumnChooser
          available={available.data}
          chosen={columns}
          onChange={changeColumns}
          onReset={() => {
            rememberColumns(project, experiment, null);
            onSearch({ columns: undefined });
          }}
        />
        <Button
          icon="download"
          busy={isExporting}
          disabled={groupBy.length > 0}
          onClick={() => void exportShown()}
        >
          CSV
        </Button>
      </div>
      <div className="selection-bar" role="status">
        <span className="run-count">
          {rows.runCount === undefined
            ? ' '
            : t('runs.count', {
                count: rows.runCount,
                shown: formatCount(rows.runCount, currentLanguage()),
              })}
        </span>
        {rows.newCount > 0 && (
          <Button look="primary" icon="up" onClick={rows.showNew}>
            {t('runs.show_new', { count: rows.newCount })}
          </Button>
        )}
        <span className="grow" />
        {selected.size > 0 && (
          <Button look="quiet" onClick={() => onSearch({ runs: undefined })}>
            {t('runs.clear_selection', { count: selected.size })}
          </Button>
        )}
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
      </div>
      {rows.error !== null && problem === undefined && (
        <ErrorState error={rows.error} retry={rows.refetch} />
      )}
      {(rows.error === null || rows.total !== undefined) && (
        <RunsTable
          project={project}
          columns={columns}
          count={rows.count}
          isLoading={isLoading}
          row={rows.row}
          onRange={onRange}
          order={order}
          onOrder={(next) => onSearch({ order: next === newestFirst ? undefined : next })}
          selected={selected}
          onSelect={select}
          isOpen={rows.isOpen}
          onToggle={rows.toggle}
          onFilter={(filter) => onSearch({ filter, group: undefined, nested: undefined })}
          groupBy={groupBy}
          aggregate={search.aggregate ?? 'mean'}
          isNested={isNested}
          empty={
            search.filter === undefined ? (
              <NoRuns project={project} experiment={experiment} />
            ) : (
              <EmptyState title={t('runs.empty_filter')} />
            )
          }
        />
      )}
    </>
  );
}

export function NoRuns({ project, experiment }: { project: string; experiment: string }) {
  const { t } = useTranslation();
  return (
    <EmptyState
      title={t('runs.empty')}
      command={`export MLFLOW_TRACKING_URI=${window.location.origin}/p/${project}\nexport MLFLOW_EXPERIMENT_NAME=${experiment}\npython train.py`}
    >
      {t('runs.empty_text')}
    </EmptyState>
  );
}

interface GroupChoiceProps {
  available: string[];
  chosen: string[];
  onChange: (next: string[]) => void;
}

/** Up to two columns to group by: the second appears with the first. */
function GroupChoice({ available, chosen, onChange }: GroupChoiceProps) {
  const { t } = useTranslation();
  const choice = (place: number, label: string) => (
    <select
      key={place}
      className="input small compact"
      aria-label={label}
      value={chosen[place] ?? ''}
      onChange={(event) => {
        const next = chosen.slice(0, place);
        if (event.target.value !== '') next.push(event.target.value);
        onChange(next);
      }}
    >
      <option value="">{label}</option>
      {[...new Set([...available, ...chosen])]
        .filter((id) => id === chosen[place] || !chosen.includes(id))
        .map((id) => (
          <option key={id} value={id}>
            {columnName(parseColumns([id])[0] ?? { kind: 'params', key: id })}
          </option>
        ))}
    </select>
  );
  return (
    <>
      {choice(0, t('runs.group'))}
      {chosen.length > 0 && choice(1, t('runs.group_then'))}
    </>
  );
}
