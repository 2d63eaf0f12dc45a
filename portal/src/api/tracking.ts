import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import { apiPath, request } from './client';
import type {
  Artifact,
  ColumnValue,
  DatasetInput,
  LoggedModel,
  MetricCurve,
  Page,
  RunColumns,
  RunGroups,
  RunRow,
  RunRows,
  RunView,
} from './types';

// Experiments as tables of runs.

export interface RowSearch {
  project: string;
  experiment: string;
  filter?: string | undefined;
  order?: string[];
  columns?: string[];
  children?: boolean;
}

export const rowsPerPage = 100;
const liveEveryMs = 5000;

export function isLive(row: Pick<RunRow, 'status'>): boolean {
  return row.status === 'RUNNING' || row.status === 'SCHEDULED';
}

function experimentPath(project: string, experiment: string, ...rest: string[]): string {
  return apiPath('projects', project, 'experiments', experiment, ...rest);
}

export function searchRows(
  search: RowSearch,
  window: { offset?: number; page_size: number; page_token?: string | null },
  signal?: AbortSignal,
): Promise<RunRows> {
  return request<RunRows>(
    'POST',
    experimentPath(search.project, search.experiment, 'runs', 'search'),
    {
      body: {
        filter: search.filter ?? '',
        order_by: search.order ?? [],
        columns: search.columns ?? [],
        children: search.children ?? false,
        offset: window.offset ?? 0,
        page_size: window.page_size,
        page_token: window.page_token ?? '',
      },
      signal,
    },
  );
}

/** Rows from any place of a search on: a table asks for those in view. */
export function rowsQuery(search: RowSearch, offset: number, size = rowsPerPage) {
  return queryOptions({
    queryKey: ['runs', search.project, 'rows', search, offset, size],
    queryFn: ({ signal }) => searchRows(search, { offset, page_size: size }, signal),
    refetchInterval: (query) =>
      query.state.data?.items.some(isLive) === true ? liveEveryMs : false,
    staleTime: 2000,
  });
}

/** How many runs match, and the newest of them; tells whether there are new ones. */
export function newestRunQuery(search: RowSearch) {
  const { project, experiment, filter } = search;
  return queryOptions({
    queryKey: ['runs', project, 'newest', experiment, filter],
    queryFn: ({ signal }) =>
      searchRows({ project, experiment, filter, columns: [] }, { page_size: 1 }, signal),
    refetchInterval: liveEveryMs,
    placeholderData: keepPreviousData,
    retry: false,
  });
}

export function columnsQuery(project: string, experiment: string) {
  return queryOptions({
    queryKey: ['runs', project, 'columns', experiment],
    queryFn: ({ signal }) =>
      request<RunColumns>('GET', experimentPath(project, experiment, 'columns'), {
        query: { limit: 5000 },
        signal,
      }),
    staleTime: 10_000,
  });
}

export function valuesQuery(project: string, experiment: string, column: string, part: string) {
  return queryOptions({
    queryKey: ['runs', project, 'values', experiment, column, part],
    queryFn: ({ signal }) =>
      request<Page<ColumnValue>>('GET', experimentPath(project, experiment, 'values'), {
        query: { column, part, limit: 50 },
        signal,
      }),
    staleTime: 10_000,
  });
}

export interface GroupSearch {
  project: string;
  experiment: string;
  filter?: string | undefined;
  by: string[];
  metrics: string[];
  orderBy?: string;
  groups?: number;
}

export function groupsQuery(search: GroupSearch) {
  return queryOptions({
    queryKey: ['runs', search.project, 'groups', search],
    queryFn: ({ signal }) =>
      request<RunGroups>(
        'POST',
        experimentPath(search.project, search.experiment, 'runs', 'group'),
        {
          body: {
            filter: search.filter ?? '',
            by: search.by,
            metrics: search.metrics,
            order_by: search.orderBy ?? '',
            groups: search.groups ?? 1000,
          },
          signal,
        },
      ),
    placeholderData: keepPreviousData,
    staleTime: 2000,
  });
}

export function viewsQuery(project: string, experiment: string) {
  return queryOptions({
    queryKey: ['views', project, experiment],
    queryFn: ({ signal }) =>
      request<Page<RunView>>('GET', experimentPath(project, experiment, 'views'), { signal }),
  });
}

export function saveView(project: string, experiment: string, name: string, state: string) {
  return request<RunView>('PUT', experimentPath(project, experiment, 'views', name), {
    body: { state },
  });
}

export function removeView(project: string, experiment: string, name: string) {
  return request<object>('DELETE', experimentPath(project, experiment, 'views', name));
}

/** The curves of one metric over many runs. */
export function curvesQuery(
  project: string,
  runs: string[],
  key: string,
  points: number,
  isLiveData: boolean,
) {
  return queryOptions({
    queryKey: ['runs', project, 'curves', runs, key, points],
    queryFn: ({ signal }) =>
      request<{ items: MetricCurve[] }>('POST', apiPath('projects', project, 'metrics', 'read'), {
        body: { runs, keys: [key], points },
        signal,
      }),
    refetchInterval: isLiveData ? liveEveryMs : false,
    placeholderData: keepPreviousData,
    staleTime: 5000,
  });
}

export function inputsQuery(project: string, run: string) {
  return queryOptions({
    queryKey: ['runs', project, 'inputs', run],
    queryFn: ({ signal }) =>
      request<{ datasets: DatasetInput[] }>(
        'GET',
        apiPath('projects', project, 'runs', run, 'inputs'),
        { signal },
      ),
  });
}

export function loggedModelsQuery(project: string, run: string) {
  return queryOptions({
    queryKey: ['runs', project, 'models', run],
    queryFn: ({ signal }) =>
      request<Page<LoggedModel>>('GET', apiPath('projects', project, 'runs', run, 'models'), {
        signal,
      }),
  });
}

export function artifactPagesQuery(project: string, run: string, path: string) {
  return infiniteQueryOptions({
    queryKey: ['runs', project, 'artifacts', run, path, 'pages'],
    queryFn: ({ pageParam, signal }) =>
      request<Page<Artifact>>('GET', apiPath('projects', project, 'runs', run, 'artifacts'), {
        query: { path, page_size: 500, page_token: pageParam },
        signal,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_page_token,
  });
}
