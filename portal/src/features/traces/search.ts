import { textOf, type Search } from '../../app/search';

/** What of the experiment's page is about traces; the runs' filter and order stay beside it. */
export interface TraceTableSearch {
  traces?: string | undefined;
  trace_order?: string | undefined;
}

export function traceTableSearch(search: Search): TraceTableSearch {
  return {
    traces: textOf(search, 'traces'),
    trace_order: textOf(search, 'trace_order'),
  };
}
