import { useQueries, useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import {
  groupsQuery,
  newestRunQuery,
  rowsPerPage,
  rowsQuery,
  type RowSearch,
} from '../../api/tracking';
import type { RunGroup, RunRow } from '../../api/types';
import { equals, joinFilters, parseColumnId } from './run-columns';

export type TableRow =
  | { kind: 'run'; key: string; row: RunRow; depth: number }
  | { kind: 'group'; key: string; group: RunGroup }
  | { kind: 'more'; key: string; filter: string }
  | { kind: 'loading'; key: string };

/** Rows below another: those of a group, or the runs nested in a run. */
interface Block {
  /** The row that it is below, counted without blocks. */
  after: number;
  parent: string;
  rows: TableRow[];
}

export interface RunRowsSearch extends RowSearch {
  isNested: boolean;
  groupBy: string[];
  groupMetrics: string[];
  /** Whether the columns are settled; before, what was read would have to be read again. */
  isReady: boolean;
}

const childrenShown = 200;
export const parentTag = 'tags.`mlflow.parentRunId`';

function rowAt(index: number, blocks: Block[], base: (index: number) => TableRow): TableRow {
  let place = index;
  for (const block of blocks) {
    if (place <= block.after) break;
    const inside = place - block.after - 1;
    if (inside < block.rows.length) return block.rows[inside] ?? { kind: 'loading', key: 'none' };
    place -= block.rows.length;
  }
  return base(place);
}

/** Which of the base's rows a place of the whole list is at or below. */
function baseIndex(index: number, blocks: Block[]): number {
  let place = index;
  for (const block of blocks) {
    if (place <= block.after) break;
    place = Math.max(block.after, place - block.rows.length);
  }
  return place;
}

/**
 * The rows of a run table: those in view are fetched, wherever they are. Which runs are in the list
 * is settled when it is opened: new ones are counted, and come in when `showNew` is called, so that
 * nothing moves under the pointer.
 */
export function useRunRows(search: RunRowsSearch, first: number, last: number) {
  const isGrouped = search.groupBy.length > 0;
  const { isNested } = search;
  const base: RowSearch = useMemo(
    () => ({
      project: search.project,
      experiment: search.experiment,
      filter: joinFilters(search.filter, isNested ? `${parentTag} IS NULL` : undefined),
      order: search.order ?? [],
      columns: search.columns ?? [],
      children: isNested,
    }),
    [search, isNested],
  );
  const newest = useQuery({ ...newestRunQuery(base), enabled: !isGrouped });
  const [settled, setSettled] = useState<{ filter: string | undefined; until: number | null }>();
  if (newest.data !== undefined && !newest.isPlaceholderData) {
    const at = newest.data.items[0]?.started_at;
    const until = at === undefined ? null : Date.parse(at);
    const isOther = settled === undefined || settled.filter !== base.filter;
    if (isOther || (settled.until === null && until !== null))
      setSettled({ filter: base.filter, until });
  }
  const until = settled?.filter === base.filter ? settled?.until : undefined;
  const frozen = useMemo(
    () => ({
      ...base,
      filter: joinFilters(
        base.filter,
        typeof until === 'number' ? `attributes.start_time <= ${until}` : undefined,
      ),
    }),
    [base, until],
  );

  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const groups = useQuery({
    ...groupsQuery({
      project: search.project,
      experiment: search.experiment,
      filter: search.filter,
      by: search.groupBy,
      metrics: search.groupMetrics,
    }),
    enabled: isGrouped && search.isReady,
  });

  const groupFilter = (group: RunGroup) =>
    joinFilters(
      search.filter,
      ...search.groupBy.map((id, place) => {
        const column = parseColumnId(id);
        return column === null ? undefined : equals(column, group.values[place] ?? null);
      }),
    ) ?? '';
  const groupKey = (group: RunGroup) => JSON.stringify(group.values);

  // Blocks of rows that were opened.
  const openKeys = [...open];
  const childFilter = (key: string) => {
    if (!isGrouped) return joinFilters(search.filter, `${parentTag} = '${key}'`) ?? '';
    const group = groups.data?.items.find((one) => groupKey(one) === key);
    return group === undefined ? undefined : groupFilter(group);
  };
  const blockQueries = useQueries({
    queries: openKeys.map((key) => {
      const filter = childFilter(key);
      return {
        ...rowsQuery({ ...base, filter, children: false }, 0, childrenShown),
        enabled: filter !== undefined,
      };
    }),
    combine: (results) => results.map((result) => result.data),
  });

  const [positions, setPositions] = useState<ReadonlyMap<string, number>>(new Map());
  const blocks: Block[] = openKeys
    .map((key, place): Block => {
      const found = blockQueries[place];
      const rows: TableRow[] = (found?.items ?? []).map((row) => ({
        kind: 'run',
        key: row.id,
        row,
        depth: 1,
      }));
      if (found === undefined) rows.push({ kind: 'loading', key: `${key}-loading` });
      else if (found.total > found.items.length)
        rows.push({ kind: 'more', key: `${key}-more`, filter: childFilter(key) ?? '' });
      const after = isGrouped
        ? (groups.data?.items.findIndex((one) => groupKey(one) === key) ?? -1)
        : (positions.get(key) ?? -1);
      return { after, parent: key, rows };
    })
    .filter((block) => block.after >= 0)
    .sort((left, right) => left.after - right.after);

  // The pages in view; the first one tells how many rows there are.
  const settledUntil = until !== undefined;
  const pages = new Set([0]);
  if (!isGrouped && settledUntil) {
    const from = Math.floor(Math.max(0, baseIndex(first, blocks)) / rowsPerPage);
    const to = Math.floor(Math.max(0, baseIndex(last, blocks)) / rowsPerPage);
    for (let page = from; page <= to; page++) pages.add(page);
  }
  const pageNumbers = [...pages];
  const pageQueries = useQueries({
    queries: pageNumbers.map((page) => ({
      ...rowsQuery(frozen, page * rowsPerPage),
      enabled: !isGrouped && settledUntil && search.isReady,
      retry: false,
    })),
  });
  const byPage = new Map(pageNumbers.map((page, place) => [page, pageQueries[place]?.data]));
  const total = isGrouped ? groups.data?.items.length : byPage.get(0)?.total;
  const error =
    newest.error ?? groups.error ?? pageQueries.find((one) => one.error !== null)?.error ?? null;

  const baseRow = (index: number): TableRow => {
    if (isGrouped) {
      const group = groups.data?.items[index];
      return group === undefined
        ? { kind: 'loading', key: `loading-${index}` }
        : { kind: 'group', key: groupKey(group), group };
    }
    const row = byPage.get(Math.floor(index / rowsPerPage))?.items[index % rowsPerPage];
    return row === undefined
      ? { kind: 'loading', key: `loading-${index}` }
      : { kind: 'run', key: row.id, row, depth: 0 };
  };

  return {
    error,
    total,
    runCount: isGrouped ? groups.data?.run_count : total,
    count: total === undefined ? 0 : total + blocks.reduce((sum, one) => sum + one.rows.length, 0),
    row: (index: number) => rowAt(index, blocks, baseRow),
    isOpen: (key: string) => open.has(key),
    /** Opens or closes a group, or what is nested in a run, at a place of the list. */
    toggle: (key: string, index: number) => {
      const next = new Set(open);
      if (!next.delete(key)) next.add(key);
      setPositions(new Map(positions).set(key, baseIndex(index, blocks)));
      setOpen(next);
    },
    newCount:
      isGrouped || total === undefined || newest.data === undefined || newest.isPlaceholderData
        ? 0
        : Math.max(0, newest.data.total - total),
    showNew: () => setSettled(undefined),
    refetch: () => {
      void newest.refetch();
      if (isGrouped) void groups.refetch();
    },
    frozen,
  };
}

export type RunRowsState = ReturnType<typeof useRunRows>;
