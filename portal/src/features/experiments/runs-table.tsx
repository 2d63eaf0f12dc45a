import { Link } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useCallback, useEffect, useRef, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { RunGroup, RunRow } from '../../api/types';
import { currentLanguage } from '../../i18n';
import { formatCount, formatMetric, shortId } from '../../i18n/format';
import { Icon } from '../../ui/icon';
import { useKeys } from '../../ui/keyboard';
import { StateBadge } from '../../ui/state-badge';
import { Duration, RelativeTime } from '../../ui/time';
import { columnName, isSortable, searchName, type RunColumn } from './run-columns';
import { runColour } from './run-colour';
import type { TableRow } from './use-run-rows';
import './runs-table.css';

export const rowHeight = 32;
const selectWidth = 34;
const nameWidth = 240;

export type Aggregate = 'mean' | 'least' | 'greatest';

export interface RunsTableProps {
  project: string;
  columns: RunColumn[];
  count: number;
  isLoading: boolean;
  row: (index: number) => TableRow;
  onRange: (first: number, last: number) => void;
  order: string;
  onOrder: (order: string) => void;
  selected: ReadonlySet<string>;
  onSelect: (ids: string[], isSelected: boolean) => void;
  isOpen: (key: string) => boolean;
  onToggle: (key: string, index: number) => void;
  onFilter: (filter: string) => void;
  groupBy: string[];
  aggregate: Aggregate;
  isNested: boolean;
  empty: ReactNode;
}

function columnWidth(column: RunColumn): number {
  if (column.kind === 'attributes') return column.key === 'start_time' ? 116 : 92;
  return column.kind === 'metrics' ? 118 : 130;
}

/** A table of any number of runs: only the rows in view exist. Its own box scrolls both ways. */
export function RunsTable(props: RunsTableProps) {
  const { t } = useTranslation();
  const { count, onRange, selected, onSelect } = props;
  const box = useRef<HTMLDivElement>(null);
  const lastPicked = useRef<number | null>(null);
  const columns = [
    ...props.columns.filter((column) => column.isPinned),
    ...props.columns.filter((column) => !column.isPinned),
  ];
  const virtualizer = useVirtualizer({
    count,
    getScrollElement: () => box.current,
    estimateSize: () => rowHeight,
    overscan: 10,
    initialRect: { width: 1200, height: 700 },
  });
  const items = virtualizer.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => onRange(first, last), [onRange, first, last]);

  const pick = (index: number, isRange: boolean) => {
    const row = props.row(index);
    if (row.kind !== 'run') return;
    const isSelected = !selected.has(row.row.id);
    const from = isRange ? (lastPicked.current ?? index) : index;
    const ids = [];
    for (let at = Math.min(from, index); at <= Math.max(from, index); at++) {
      const one = props.row(at);
      if (one.kind === 'run') ids.push(one.row.id);
    }
    lastPicked.current = index;
    onSelect(ids, isSelected);
  };
  const focusedIndex = () => {
    const row = document.activeElement?.closest('tr[data-index]');
    return row !== null && row !== undefined && box.current?.contains(row) === true
      ? Number(row.getAttribute('data-index'))
      : -1;
  };
  const move = useCallback(
    (step: number) => {
      if (count === 0) return;
      const from = focusedIndex();
      const to =
        from < 0 ? (step > 0 ? 0 : count - 1) : Math.min(count - 1, Math.max(0, from + step));
      virtualizer.scrollToIndex(to, { align: 'auto' });
      requestAnimationFrame(() => {
        box.current
          ?.querySelector<HTMLElement>(`tr[data-index="${to}"] [data-row-link]`)
          ?.focus({ preventScroll: true });
      });
    },
    [count, virtualizer],
  );
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    x: () => {
      const index = focusedIndex();
      if (index >= 0) pick(index, false);
    },
    X: () => {
      const index = focusedIndex();
      if (index >= 0) pick(index, true);
    },
  });

  const total = selectWidth + nameWidth + columns.reduce((sum, one) => sum + columnWidth(one), 0);
  // A pinned column stays at the left, beside those before it.
  let edge = selectWidth + nameWidth;
  const places = columns.map((column) => {
    if (!column.isPinned) return null;
    const place = edge;
    edge += columnWidth(column);
    return place;
  });
  const look = (place: number | null) =>
    place === null ? undefined : { position: 'sticky' as const, left: place };
  const before = items[0]?.start ?? 0;
  const lastItem = items.at(-1);
  const after = lastItem === undefined ? 0 : virtualizer.getTotalSize() - lastItem.end;

  if (!props.isLoading && count === 0) return <>{props.empty}</>;
  return (
    // A scrolling region must be reachable by keyboard.
    <div
      ref={box}
      className="runs-box"
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
      role="region"
      aria-label={t('experiments.runs')}
    >
      <table
        className="data-table runs-table"
        aria-label={t('experiments.runs')}
        aria-rowcount={count + 1}
        aria-busy={props.isLoading}
        style={{ width: total, minWidth: '100%' }}
      >
        <colgroup>
          <col style={{ width: selectWidth }} />
          <col style={{ width: nameWidth }} />
          {columns.map((column) => (
            <col key={columnName(column)} style={{ width: columnWidth(column) }} />
          ))}
          <col />
        </colgroup>
        <thead>
          <tr>
            <th scope="col" className="pinned" style={{ left: 0 }}>
              <span className="visually-hidden">{t('runs.select')}</span>
            </th>
            <th scope="col" className="pinned" style={{ left: selectWidth }}>
              {props.groupBy.length > 0 ? props.groupBy.join(' · ') : t('runs.name')}
            </th>
            {columns.map((column, place) => (
              <HeaderCell
                key={columnName(column)}
                column={column}
                pinnedAt={places[place] ?? null}
                order={props.order}
                onOrder={props.groupBy.length > 0 ? undefined : props.onOrder}
              />
            ))}
            <td />
          </tr>
        </thead>
        <tbody>
          {props.isLoading &&
            Array.from({ length: 16 }, (_, index) => (
              <tr key={index} style={{ height: rowHeight }}>
                <td />
                <td>
                  <div className="skeleton" style={{ width: `${80 - ((index * 13) % 40)}%` }} />
                </td>
                {columns.map((column) => (
                  <td key={columnName(column)}>
                    <div className="skeleton" />
                  </td>
                ))}
              </tr>
            ))}
          {before > 0 && <Spacer height={before} />}
          {items.map((item) => {
            const row = props.row(item.index);
            return (
              <tr
                key={row.key}
                data-index={item.index}
                aria-rowindex={item.index + 2}
                className={row.kind === 'run' && selected.has(row.row.id) ? 'current' : row.kind}
              >
                <td className="pinned" style={{ left: 0 }}>
                  {row.kind === 'run' && (
                    <input
                      type="checkbox"
                      aria-label={t('runs.select_named', { name: row.row.name })}
                      checked={selected.has(row.row.id)}
                      onClick={(event) => pick(item.index, event.shiftKey)}
                      onChange={() => undefined}
                    />
                  )}
                </td>
                <td className="pinned" style={{ left: selectWidth }}>
                  <NameCell {...props} item={row} index={item.index} />
                </td>
                {columns.map((column, place) => (
                  <td
                    key={columnName(column)}
                    className={[
                      column.kind === 'metrics' ? 'right numeric' : '',
                      column.isPinned ? 'pinned' : '',
                    ].join(' ')}
                    style={look(places[place] ?? null)}
                  >
                    {row.kind === 'run' ? (
                      <RunCell row={row.row} column={column} />
                    ) : row.kind === 'group' ? (
                      <GroupCell group={row.group} column={column} aggregate={props.aggregate} />
                    ) : null}
                  </td>
                ))}
                <td />
              </tr>
            );
          })}
          {after > 0 && <Spacer height={after} />}
        </tbody>
      </table>
    </div>
  );
}

function Spacer({ height }: { height: number }) {
  return (
    <tr aria-hidden="true" className="spacer" style={{ height }}>
      <td />
    </tr>
  );
}

interface HeaderCellProps {
  column: RunColumn;
  pinnedAt: number | null;
  order: string;
  onOrder: ((order: string) => void) | undefined;
}

function HeaderCell({ column, pinnedAt, order, onOrder }: HeaderCellProps) {
  const { t } = useTranslation();
  const name = searchName(column);
  const isDown = order === `${name} DESC`;
  const isUp = order === `${name} ASC`;
  const title = column.kind === 'attributes' ? t(`column.${column.key as 'status'}`) : column.key;
  return (
    <th
      scope="col"
      className={[column.kind === 'metrics' ? 'right' : '', pinnedAt === null ? '' : 'pinned'].join(
        ' ',
      )}
      style={pinnedAt === null ? undefined : { left: pinnedAt }}
      aria-label={title}
      aria-sort={isUp ? 'ascending' : isDown ? 'descending' : undefined}
      title={columnName(column)}
    >
      {onOrder === undefined || !isSortable(column) ? (
        title
      ) : (
        <button
          type="button"
          className="sort"
          onClick={() => onOrder(isDown ? `${name} ASC` : `${name} DESC`)}
        >
          <span className="cut">{title}</span>
          <span className={isDown || isUp ? undefined : 'sort-idle'}>
            <Icon name={isUp ? 'up' : 'down'} size={11} />
          </span>
        </button>
      )}
    </th>
  );
}

function NameCell(props: RunsTableProps & { item: TableRow; index: number }) {
  const { t } = useTranslation();
  const { item, index } = props;
  if (item.kind === 'loading') return <div className="skeleton" style={{ width: '60%' }} />;
  if (item.kind === 'more') {
    return (
      <button type="button" className="link" onClick={() => props.onFilter(item.filter)}>
        {t('runs.show_all')}
      </button>
    );
  }
  const expander = (key: string, label: string) => (
    <button
      type="button"
      className="expander"
      aria-expanded={props.isOpen(key)}
      aria-label={label}
      onClick={() => props.onToggle(key, index)}
    >
      <Icon name={props.isOpen(key) ? 'chevronDown' : 'chevronRight'} size={12} />
    </button>
  );
  if (item.kind === 'group') {
    const name = item.group.values.map((value) => value ?? t('runs.no_value')).join(' · ');
    return (
      <span className="row-main">
        {expander(item.key, t('runs.open_group', { name }))}
        <button
          type="button"
          className="group-name cut"
          data-row-link
          title={name}
          onClick={() => props.onToggle(item.key, index)}
        >
          {name}
        </button>
        <span className="badge">{formatCount(item.group.count, currentLanguage())}</span>
      </span>
    );
  }
  const { row, depth } = item;
  return (
    <span className="row-main" style={{ paddingLeft: depth * 20 }}>
      {props.isNested && depth === 0 && (
        <>
          {row.child_count > 0 ? (
            expander(row.id, t('runs.open_nested', { name: row.name }))
          ) : (
            <span className="expander" />
          )}
        </>
      )}
      <span className="run-dot" style={{ background: runColour(row.id) }} aria-hidden="true" />
      <StateBadge state={row.status} iconOnly />
      <Link
        to="/$project/runs/$runId"
        params={{ project: props.project, runId: row.id }}
        data-row-link
        title={row.name}
      >
        {row.name}
      </Link>
      {props.isNested && row.child_count > 0 && (
        <span className="badge">{formatCount(row.child_count, currentLanguage())}</span>
      )}
    </span>
  );
}

const nothing = <span className="muted">–</span>;

function RunCell({ row, column }: { row: RunRow; column: RunColumn }) {
  if (column.kind === 'metrics') {
    const value = row.metrics[column.key];
    return value === undefined ? nothing : <span title={String(value)}>{formatMetric(value)}</span>;
  }
  if (column.kind === 'params' || column.kind === 'tags') {
    const value = (column.kind === 'params' ? row.parameters : row.tags)[column.key];
    return value === undefined ? nothing : <span title={value}>{value}</span>;
  }
  switch (column.key) {
    case 'start_time':
      return <RelativeTime at={row.started_at} />;
    case 'duration':
      return <Duration from={row.started_at} to={row.ended_at} />;
    case 'user_id':
      return <>{row.user}</>;
    case 'status':
      return <StateBadge state={row.status} />;
    default:
      return <span className="mono">{shortId(row.id)}</span>;
  }
}

interface GroupCellProps {
  group: RunGroup;
  column: RunColumn;
  aggregate: Aggregate;
}

function GroupCell({ group, column, aggregate }: GroupCellProps) {
  const { t } = useTranslation();
  const summary = column.kind === 'metrics' ? group.metrics[column.key] : undefined;
  if (summary === undefined) return null;
  return (
    <span
      title={t('runs.aggregate_title', {
        count: summary.count,
        mean: formatMetric(summary.mean),
        least: formatMetric(summary.least),
        greatest: formatMetric(summary.greatest),
      })}
    >
      {formatMetric(summary[aggregate])}
    </span>
  );
}
