import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { apiPath, rememberCsrfToken, request } from './client';
import type {
  ApprovalRequest,
  ApprovalRule,
  Artifact,
  AuditEntry,
  Card,
  Change,
  Endpoint,
  Environment,
  Experiment,
  Job,
  Lineage,
  LineageKind,
  Member,
  MetricSeries,
  Model,
  ModelVersion,
  Page,
  Project,
  Run,
  Session,
  Status,
  Token,
  UsageSample,
  User,
  VersionContents,
  Why,
  WorkloadEvent,
  Webhook,
  WebhookDelivery,
} from './types';

const liveEveryMs = 2000;
const statusEveryMs = 5000;

export async function readSession(): Promise<Session> {
  const session = await request<Session>('GET', apiPath('session'));
  rememberCsrfToken(session.csrf_token);
  return session;
}

export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: readSession,
  staleTime: 5 * 60_000,
  retry: false,
});

function get<Result>(path: string, query: Record<string, string | number | undefined> = {}) {
  return ({ signal }: { signal: AbortSignal }) => request<Result>('GET', path, { query, signal });
}

export const statusQuery = queryOptions({
  queryKey: ['status'],
  queryFn: get<Status>(apiPath('status')),
  refetchInterval: statusEveryMs,
});

// Jobs. Their lists and pages are kept current by the project's event stream (features/jobs/live.ts).

export const jobPageSize = 100;

export function jobsQuery(project: string, state: string) {
  return infiniteQueryOptions({
    queryKey: ['jobs', project, 'list', state],
    queryFn: ({ pageParam, signal }) =>
      request<Page<Job>>('GET', apiPath('projects', project, 'jobs'), {
        query: { state, page_size: jobPageSize, page_token: pageParam },
        signal,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_page_token,
  });
}

export function someJobsQuery(project: string, state: string, pageSize: number) {
  return queryOptions({
    queryKey: ['jobs', project, 'some', state, pageSize],
    queryFn: get<Page<Job>>(apiPath('projects', project, 'jobs'), { state, page_size: pageSize }),
  });
}

export function jobQuery(project: string, id: string) {
  return queryOptions({
    queryKey: ['jobs', project, 'one', id],
    queryFn: get<Job>(apiPath('projects', project, 'jobs', id)),
    // Events tell its state; what it uses is measured now and then.
    refetchInterval: (query) => (query.state.data?.state === 'running' ? statusEveryMs : false),
  });
}

export function jobEventsQuery(project: string, id: string) {
  return queryOptions({
    queryKey: ['jobs', project, 'events', id],
    queryFn: get<Page<WorkloadEvent>>(apiPath('projects', project, 'jobs', id, 'events'), {
      page_size: 500,
    }),
  });
}

export function jobUsageQuery(project: string, id: string, isLive: boolean) {
  return queryOptions({
    queryKey: ['jobs', project, 'usage', id],
    queryFn: get<{ samples: UsageSample[] }>(apiPath('projects', project, 'jobs', id, 'usage')),
    refetchInterval: isLive ? liveEveryMs : false,
  });
}

export function whyQuery(project: string, id: string) {
  return queryOptions({
    queryKey: ['jobs', project, 'why', id],
    queryFn: get<Why>(apiPath('projects', project, 'jobs', id, 'why')),
    refetchInterval: statusEveryMs,
  });
}

export function experimentsQuery(project: string) {
  return queryOptions({
    queryKey: ['experiments', project],
    queryFn: get<Page<Experiment>>(apiPath('projects', project, 'experiments'), {
      page_size: 1000,
    }),
  });
}

export interface RunSearch {
  experiment: string;
  filter: string;
  orderBy: string;
}

export function runsQuery(project: string, search: RunSearch) {
  return infiniteQueryOptions({
    queryKey: ['runs', project, 'list', search],
    queryFn: ({ pageParam, signal }) =>
      request<Page<Run>>('GET', apiPath('projects', project, 'runs'), {
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
    refetchInterval: (query) =>
      query.state.data?.pages.some((page) => page.items.some(isLiveRun)) === true
        ? statusEveryMs
        : false,
  });
}

export function someRunsQuery(project: string, pageSize: number) {
  return queryOptions({
    queryKey: ['runs', project, 'some', pageSize],
    queryFn: get<Page<Run>>(apiPath('projects', project, 'runs'), { page_size: pageSize }),
  });
}

export function isLiveRun(run: Run): boolean {
  return run.status === 'RUNNING' || run.status === 'SCHEDULED';
}

export function runQuery(project: string, id: string) {
  return queryOptions({
    queryKey: ['runs', project, 'one', id],
    queryFn: get<Run>(apiPath('projects', project, 'runs', id)),
    refetchInterval: (query) =>
      query.state.data !== undefined && isLiveRun(query.state.data) ? liveEveryMs : false,
  });
}

export function metricQuery(project: string, run: string, key: string, isLive: boolean) {
  return queryOptions({
    queryKey: ['runs', project, 'metric', run, key],
    queryFn: get<MetricSeries>(apiPath('projects', project, 'runs', run, 'metrics', key), {
      points: 1000,
    }),
    refetchInterval: isLive ? liveEveryMs : false,
  });
}

export function artifactsQuery(project: string, run: string, path: string) {
  return queryOptions({
    queryKey: ['runs', project, 'artifacts', run, path],
    queryFn: get<Page<Artifact>>(apiPath('projects', project, 'runs', run, 'artifacts'), { path }),
  });
}

export function modelsQuery(project: string) {
  return queryOptions({
    queryKey: ['models', project],
    queryFn: get<Page<Model>>(apiPath('projects', project, 'models'), { page_size: 1000 }),
  });
}

export function modelQuery(project: string, model: string) {
  return queryOptions({
    queryKey: ['models', project, 'one', model],
    queryFn: get<Model>(apiPath('projects', project, 'models', model)),
  });
}

export function modelVersionsQuery(project: string, model: string) {
  return queryOptions({
    queryKey: ['models', project, 'versions', model],
    queryFn: get<Page<ModelVersion>>(apiPath('projects', project, 'models', model, 'versions'), {
      page_size: 1000,
    }),
  });
}

export function cardQuery(project: string, model: string, version: number | null) {
  return queryOptions({
    queryKey: ['models', project, 'card', model, version],
    queryFn: get<Card>(apiPath('projects', project, 'models', model, 'card'), {
      version: version ?? undefined,
    }),
  });
}

export function changesQuery(project: string, model: string, version: number | null) {
  return infiniteQueryOptions({
    queryKey: ['models', project, 'history', model, version],
    queryFn: ({ pageParam, signal }) =>
      request<Page<Change>>('GET', apiPath('projects', project, 'models', model, 'history'), {
        query: { version, page_size: 50, page_token: pageParam },
        signal,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_page_token,
  });
}

export function changeQuery(project: string, model: string, number: number) {
  return queryOptions({
    queryKey: ['models', project, 'change', model, number],
    queryFn: get<Change>(apiPath('projects', project, 'models', model, 'history', number)),
    staleTime: Infinity,
  });
}

/** null: those of all models. */
export function openRequestsQuery(project: string, model: string | null) {
  return queryOptions({
    queryKey: ['models', project, 'requests', model],
    queryFn: get<Page<ApprovalRequest>>(apiPath('projects', project, 'model-requests'), {
      model: model ?? undefined,
      state: 'open',
    }),
    refetchInterval: statusEveryMs,
  });
}

export function approvalRulesQuery(project: string) {
  return queryOptions({
    queryKey: ['models', project, 'rules'],
    queryFn: get<Page<ApprovalRule>>(apiPath('projects', project, 'model-approval-rules')),
  });
}

export function contentsQuery(project: string, model: string, version: number) {
  return queryOptions({
    queryKey: ['models', project, 'contents', model, version],
    queryFn: get<VersionContents>(
      apiPath('projects', project, 'models', model, 'versions', version, 'contents'),
    ),
  });
}

export function lineageQuery(project: string, kind: LineageKind, id: string) {
  return queryOptions({
    queryKey: ['models', project, 'lineage', kind, id],
    queryFn: get<Lineage>(apiPath('projects', project, 'lineage'), { kind, id }),
  });
}

export function endpointsQuery(project: string) {
  return queryOptions({
    queryKey: ['endpoints', project],
    queryFn: get<Page<Endpoint>>(apiPath('projects', project, 'endpoints'), { page_size: 1000 }),
    refetchInterval: statusEveryMs,
  });
}

export function endpointQuery(project: string, name: string) {
  return queryOptions({
    queryKey: ['endpoints', project, 'one', name],
    queryFn: get<Endpoint>(apiPath('projects', project, 'endpoints', name)),
    refetchInterval: (query) =>
      query.state.data?.state === 'starting' ? liveEveryMs : statusEveryMs,
  });
}

export function environmentsQuery(project: string) {
  return queryOptions({
    queryKey: ['environments', project],
    queryFn: get<Page<Environment>>(apiPath('projects', project, 'environments'), {
      page_size: 1000,
    }),
    refetchInterval: (query) =>
      query.state.data?.items.some((one) => one.state === 'building') === true
        ? liveEveryMs
        : false,
  });
}

export function environmentQuery(project: string, nameOrId: string) {
  return queryOptions({
    queryKey: ['environments', project, 'one', nameOrId],
    queryFn: get<Environment>(apiPath('projects', project, 'environments', nameOrId)),
    refetchInterval: (query) => (query.state.data?.state === 'building' ? liveEveryMs : false),
  });
}

// Identity.

export const projectsQuery = queryOptions({
  queryKey: ['projects'],
  queryFn: get<Page<Project>>(apiPath('projects'), { page_size: 1000 }),
});

export function membersQuery(project: string) {
  return queryOptions({
    queryKey: ['members', project],
    queryFn: get<Page<Member>>(apiPath('projects', project, 'members'), { page_size: 1000 }),
  });
}

export function webhooksQuery(project: string) {
  return queryOptions({
    queryKey: ['webhooks', project],
    queryFn: get<Page<Webhook>>(apiPath('projects', project, 'webhooks'), { page_size: 1000 }),
  });
}

export function deliveriesQuery(project: string, webhook: string) {
  return infiniteQueryOptions({
    queryKey: ['deliveries', project, webhook],
    queryFn: ({ pageParam, signal }) =>
      request<Page<WebhookDelivery>>(
        'GET',
        apiPath('projects', project, 'webhooks', webhook, 'deliveries'),
        { query: { page_size: 100, page_token: pageParam }, signal },
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_page_token,
  });
}

export const tokensQuery = queryOptions({
  queryKey: ['tokens'],
  queryFn: get<Page<Token>>(apiPath('tokens'), { page_size: 1000 }),
});

export const usersQuery = queryOptions({
  queryKey: ['users'],
  queryFn: get<Page<User>>(apiPath('users'), { page_size: 1000 }),
});

export function auditQuery(project: string) {
  return infiniteQueryOptions({
    queryKey: ['audit', project],
    queryFn: ({ pageParam, signal }) =>
      request<Page<AuditEntry>>('GET', apiPath('audit'), {
        query: { project, page_size: 100, page_token: pageParam },
        signal,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_page_token,
  });
}
