import type { MetricNumber, RunColumns, RunRow } from '../../api/types';
import { formatMetric } from '../../i18n/format';

export const columnKinds = ['metrics', 'params', 'tags', 'attributes'] as const;
export type ColumnKind = (typeof columnKinds)[number];

/** A column of a run table, named as the server does: `metrics.loss`. */
export interface RunColumn {
  kind: ColumnKind;
  key: string;
  isPinned: boolean;
}

export const attributeKeys = ['start_time', 'duration', 'user_id', 'status', 'run_id'] as const;

const shownByDefault = 4;
const pin = '!';

export function columnName(column: Pick<RunColumn, 'kind' | 'key'>): string {
  return `${column.kind}.${column.key}`;
}

/** As it stands in an address: a pinned one has a `!` before it. */
export function columnId(column: RunColumn): string {
  return (column.isPinned ? pin : '') + columnName(column);
}

export function parseColumnId(id: string): RunColumn | null {
  const isPinned = id.startsWith(pin);
  const name = isPinned ? id.slice(1) : id;
  const kind = columnKinds.find((one) => name.startsWith(`${one}.`));
  if (kind === undefined) return null;
  const key = name.slice(kind.length + 1);
  if (key === '') return null;
  if (kind === 'attributes' && !(attributeKeys as readonly string[]).includes(key)) return null;
  return { kind, key, isPinned };
}

export function parseColumns(ids: readonly string[]): RunColumn[] {
  return ids.map(parseColumnId).filter((column) => column !== null);
}

function isSystemKey(key: string): boolean {
  return key.startsWith('system/') || key.startsWith('mlflow.') || key.startsWith('maru.');
}

export function defaultColumns(available: RunColumns | undefined): RunColumn[] {
  const column = (kind: ColumnKind, key: string): RunColumn => ({ kind, key, isPinned: false });
  const first = (kind: ColumnKind, keys: string[]) =>
    keys
      .filter((key) => !isSystemKey(key))
      .slice(0, shownByDefault)
      .map((key) => column(kind, key));
  return [
    column('attributes', 'start_time'),
    column('attributes', 'duration'),
    column('attributes', 'user_id'),
    ...first('metrics', available?.metrics ?? []),
    ...first('params', available?.parameters ?? []),
  ];
}

/** As MLflow's search writes it: names that are not plain words go between backticks. */
export function searchName(column: Pick<RunColumn, 'kind' | 'key'>): string {
  const name = /^[A-Za-z_]\w*$/.test(column.key) ? column.key : `\`${column.key}\``;
  return `${column.kind}.${name}`;
}

export function isSortable(column: RunColumn): boolean {
  return !(column.kind === 'attributes' && column.key === 'duration');
}

/** What a search has to bring for these columns. */
export function wantedColumns(columns: readonly RunColumn[]): string[] {
  return columns.filter((column) => column.kind !== 'attributes').map(columnName);
}

export function metricOf(row: RunRow, key: string): number | null {
  const value = row.metrics[key];
  return typeof value === 'number' ? value : null;
}

export function durationMs(row: Pick<RunRow, 'started_at' | 'ended_at'>): number | null {
  return row.ended_at === null ? null : Date.parse(row.ended_at) - Date.parse(row.started_at);
}

/** A cell as a value, for charts and exports. */
export function cellValue(
  row: RunRow,
  column: Pick<RunColumn, 'kind' | 'key'>,
): string | number | null {
  switch (column.kind) {
    case 'metrics':
      return row.metrics[column.key] ?? null;
    case 'params':
      return row.parameters[column.key] ?? null;
    case 'tags':
      return row.tags[column.key] ?? null;
    case 'attributes':
      switch (column.key) {
        case 'start_time':
          return row.started_at;
        case 'duration':
          return durationMs(row);
        case 'user_id':
          return row.user;
        case 'status':
          return row.status;
        default:
          return row.id;
      }
  }
}

export function cellText(row: RunRow, column: Pick<RunColumn, 'kind' | 'key'>): string {
  const value = cellValue(row, column);
  if (value === null) return '';
  return column.kind === 'metrics' ? formatMetric(value as MetricNumber) : String(value);
}

/** A comparison of the filter language that holds for exactly this value. */
export function equals(column: Pick<RunColumn, 'kind' | 'key'>, value: string | null): string {
  const name = searchName(column);
  return value === null ? `${name} IS NULL` : `${name} = ${quoted(value)}`;
}

export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

export function joinFilters(...filters: (string | undefined)[]): string | undefined {
  const parts = filters.map((one) => one?.trim() ?? '').filter((one) => one !== '');
  return parts.length === 0 ? undefined : parts.join(' AND ');
}
