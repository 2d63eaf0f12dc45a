import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { apiPath, request } from '../../api/client';
import type { Page } from '../../api/types';
import type { Trace, TraceDetail } from './types';

export const newestTracesFirst = 'timestamp DESC';

export interface TraceSearch {
  experiment: string;
  filter: string;
  orderBy: string;
}

export function tracesQuery(project: string, search: TraceSearch) {
  return infiniteQueryOptions({
    queryKey: ['traces', project, 'list', search],
    queryFn: ({ pageParam, signal }) =>
      request<Page<Trace>>('GET', apiPath('projects', project, 'traces'), {
        query: {
          experiment: search.experiment,
          filter: search.filter,
          order_by: search.orderBy,
          page_size: 100,
          page_token: pageParam,
        },
        signal,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_page_token,
  });
}

export function traceQuery(project: string, id: string) {
  return queryOptions({
    queryKey: ['traces', project, 'one', id],
    queryFn: ({ signal }) =>
      request<TraceDetail>('GET', apiPath('projects', project, 'traces', id), { signal }),
    refetchInterval: (query) =>
      query.state.data?.trace.state === 'IN_PROGRESS' ? 2000 : (false as const),
  });
}
