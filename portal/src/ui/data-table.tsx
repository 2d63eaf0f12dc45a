import { useVirtualizer } from '@tanstack/react-virtual';
import { useCallback, useEffect, useRef, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Icon } from './icon';
import { useKeys } from './keyboard';
import { ErrorState } from './states';

export interface Column<Row> {
  key: string;
  title: ReactNode;
  /** What the header is called when `title` is not plain text. */
  label?: string;
  width?: string;
  align?: 'right';
  /** Columns that a phone has no room for. */
  hideWhenNarrow?: boolean;
  sort?: { direction: 'asc' | 'desc' | null; toggle: () => void };
  cell: (row: Row) => ReactNode;
}

export interface DataTableProps<Row> {
  label: string;
  columns: Column<Row>[];
  /** undefined while the first page is on its way. */
  rows: Row[] | undefined;
  rowKey: (row: Row) => string;
  empty: ReactNode;
  error?: unknown;
  retry?: () => void;
  hasMore?: boolean;
  loadMore?: () => void;
  rowClass?: (row: Row) => string;
  /** Wide tables scroll sideways by themselves. */
  wide?: boolean;
  minimumWidth?: number;
}

const rowHeight = 36;

function scrollParent(): HTMLElement | null {
  return document.getElementById('main');
}

/**
 * A table of any length: only the rows in view exist. j and k move between the rows' main links
 * (marked `data-row-link`), Enter follows the one in focus as on any link.
 */
export function DataTable<Row>(props: DataTableProps<Row>) {
  const { columns, rows, hasMore = false, loadMore } = props;
  const { t } = useTranslation();
  const body = useRef<HTMLTableSectionElement>(null);
  const table = useRef<HTMLTableElement>(null);
  const margin = useRef(0);
  const count = rows?.length ?? 0;
  const isEmpty = count === 0;
  const virtualizer = useVirtualizer({
    count,
    getScrollElement: scrollParent,
    estimateSize: () => rowHeight,
    overscan: 12,
    scrollMargin: margin.current,
    initialRect: { width: 1200, height: 900 },
  });

  useEffect(() => {
    const parent = scrollParent();
    if (parent === null || table.current === null) return;
    margin.current =
      table.current.getBoundingClientRect().top -
      parent.getBoundingClientRect().top +
      parent.scrollTop;
    // Where the table begins may be wrong by what the overscan covers; measuring costs a layout.
  }, [isEmpty]);

  const items = virtualizer.getVirtualItems();
  const lastShown = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && count > 0 && lastShown >= count - 20) loadMore?.();
  }, [hasMore, loadMore, lastShown, count]);

  const move = useCallback(
    (step: number) => {
      if (count === 0) return;
      const focused = document.activeElement?.closest('tr[data-index]');
      const from =
        focused !== null && focused !== undefined && body.current?.contains(focused) === true
          ? Number(focused.getAttribute('data-index'))
          : -1;
      const to =
        from < 0 ? (step > 0 ? 0 : count - 1) : Math.min(count - 1, Math.max(0, from + step));
      virtualizer.scrollToIndex(to, { align: 'auto' });
      requestAnimationFrame(() => {
        body.current
          ?.querySelector<HTMLElement>(`tr[data-index="${to}"] [data-row-link]`)
          ?.focus({ preventScroll: true });
      });
    },
    [count, virtualizer],
  );
  useKeys({ j: () => move(1), k: () => move(-1) });

  if (props.error !== undefined && props.error !== null && rows === undefined) {
    return <ErrorState error={props.error} retry={props.retry} />;
  }
  if (rows !== undefined && count === 0) return <>{props.empty}</>;

  const first = items[0];
  const last = items.at(-1);
  const margins = virtualizer.options.scrollMargin;
  const before = first === undefined ? 0 : first.start - margins;
  const after = last === undefined ? 0 : virtualizer.getTotalSize() - (last.end - margins);
  const cellClass = (column: Column<Row>) =>
    [column.align === 'right' ? 'right' : '', column.hideWhenNarrow === true ? 'wide-only' : '']
      .join(' ')
      .trim() || undefined;

  return (
    <div className={props.wide === true ? 'table-scroll' : undefined}>
      <table
        ref={table}
        className="data-table"
        aria-label={props.label}
        aria-rowcount={hasMore ? -1 : count + 1}
        aria-busy={rows === undefined}
        style={props.minimumWidth === undefined ? undefined : { minWidth: props.minimumWidth }}
      >
        <colgroup>
          {columns.map((column) => (
            <col key={column.key} className={cellClass(column)} style={{ width: column.width }} />
          ))}
        </colgroup>
        <thead>
          <tr>
            {columns.map((column) => (
              <th
                key={column.key}
                scope="col"
                className={cellClass(column)}
                aria-label={column.label}
                aria-sort={
                  column.sort?.direction === 'asc'
                    ? 'ascending'
                    : column.sort?.direction === 'desc'
                      ? 'descending'
                      : undefined
                }
              >
                {column.sort === undefined ? (
                  column.title
                ) : (
                  <button type="button" className="sort" onClick={column.sort.toggle}>
                    {column.title}
                    <span className={column.sort.direction === null ? 'sort-idle' : undefined}>
                      <Icon name={column.sort.direction === 'asc' ? 'up' : 'down'} size={11} />
                    </span>
                  </button>
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody ref={body}>
          {rows === undefined &&
            Array.from({ length: 8 }, (_, index) => (
              <tr key={index}>
                {columns.map((column, place) => (
                  <td key={column.key} className={cellClass(column)}>
                    <div
                      className="skeleton"
                      style={{ width: `${85 - ((index * 13 + place * 29) % 50)}%` }}
                    />
                  </td>
                ))}
              </tr>
            ))}
          {before > 0 && (
            <tr aria-hidden="true" className="spacer" style={{ height: before }}>
              <td />
            </tr>
          )}
          {items.map((item) => {
            const row = rows?.[item.index];
            if (row === undefined) return null;
            return (
              <tr
                key={props.rowKey(row)}
                data-index={item.index}
                aria-rowindex={item.index + 2}
                className={props.rowClass?.(row)}
              >
                {columns.map((column) => (
                  <td key={column.key} className={cellClass(column)}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            );
          })}
          {after > 0 && (
            <tr aria-hidden="true" className="spacer" style={{ height: after }}>
              <td />
            </tr>
          )}
        </tbody>
      </table>
      {hasMore && <p className="muted table-foot">{t('common.loading_more')}</p>}
    </div>
  );
}
