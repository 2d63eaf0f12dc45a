import type { QueryClient } from '@tanstack/react-query';
import {
  Outlet,
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router';
import { apiPath, request } from '../api/client';
import { ApiError } from '../api/errors';
import { sessionQuery } from '../api/queries';
import { jobStates, type Session } from '../api/types';
import { homeProject, rememberProject } from './current-project';
import { Frame } from './frame';
import { ProjectPages } from './guest-page';
import { NotFound, PageError, PagePending } from './page-states';
import { readLegacyHash, type LegacyTarget } from './legacy-links';
import { traceTableSearch, type TraceTableSearch } from '../features/traces/search';
import { oneOf, parseSearch, stringifySearch, textOf, type Search } from './search';

interface RouterContext {
  queryClient: QueryClient;
}

const rootRoute = createRootRouteWithContext<RouterContext>()({
  component: Outlet,
  notFoundComponent: NotFound,
});

const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/sign-in',
  validateSearch: (search: Search): { next?: string | undefined } => ({
    next: textOf(search, 'next'),
  }),
  component: lazyRouteComponent(() => import('../features/identity/sign-in-page'), 'SignInPage'),
});

const signInLinkRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/sign-in/link',
  component: lazyRouteComponent(
    () => import('../features/identity/sign-in-page'),
    'SignInLinkPage',
  ),
});

const signedInRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: 'signed-in',
  beforeLoad: async ({ context, location }) => {
    try {
      return { session: await context.queryClient.query({ ...sessionQuery, staleTime: 'static' }) };
    } catch (error) {
      if (error instanceof ApiError && error.code === 'unauthenticated') {
        throw redirect({ to: '/sign-in', search: { next: location.href } });
      }
      throw error;
    }
  },
  component: Frame,
});

async function projectOfRun(session: Session, first: string, run: string): Promise<string> {
  const others = session.projects.map((project) => project.name).filter((name) => name !== first);
  for (const project of [first, ...others]) {
    try {
      await request('GET', apiPath('projects', project, 'runs', run));
      return project;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status >= 500 || error.unreachable) throw error;
    }
  }
  return first;
}

async function redirectToLegacyTarget(target: LegacyTarget, session: Session, project: string) {
  switch (target.kind) {
    case 'run':
      throw redirect({
        to: '/$project/runs/$runId',
        params: { project: await projectOfRun(session, project, target.run), runId: target.run },
        replace: true,
      });
    case 'compare':
      throw redirect({
        to: '/$project/compare',
        params: {
          project: await projectOfRun(session, project, target.runs[0] ?? ''),
        },
        search: { runs: target.runs.join(',') },
        replace: true,
      });
    case 'experiment':
      throw redirect({
        to: '/$project/experiments/$experiment',
        params: { project, experiment: target.experiment },
        replace: true,
      });
    case 'model':
      throw redirect({
        to: '/$project/models/$model',
        params: { project, model: target.model },
        search: { version: target.version },
        replace: true,
      });
    case 'models':
      throw redirect({ to: '/$project/models', params: { project }, replace: true });
    case 'experiments':
      throw redirect({ to: '/$project/experiments', params: { project }, replace: true });
  }
}

const indexRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/',
  beforeLoad: async ({ context, location }) => {
    const project = homeProject(context.session);
    if (project === null)
      throw redirect({ to: '/settings/$section', params: { section: 'projects' } });
    const target = readLegacyHash(location.hash);
    if (target !== null) await redirectToLegacyTarget(target, context.session, project);
    throw redirect({ to: '/$project', params: { project }, replace: true });
  },
});

// `/p/PROJECT` is a project's base URL for other systems' clients, and MLflow's client appends `/#/...` to it.
const baseUrlRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/p/$project',
  beforeLoad: async ({ context, location, params }) => {
    const target = readLegacyHash(location.hash);
    if (target !== null) await redirectToLegacyTarget(target, context.session, params.project);
    throw redirect({ to: '/$project', params, replace: true });
  },
});

const settingsIndexRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/settings',
  beforeLoad: () => {
    throw redirect({ to: '/settings/$section', params: { section: 'account' }, replace: true });
  },
});

const settingsRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/settings/$section',
  validateSearch: (
    search: Search,
  ): { project?: string | undefined; webhook?: string | undefined } => ({
    project: textOf(search, 'project'),
    webhook: textOf(search, 'webhook'),
  }),
  component: lazyRouteComponent(() => import('../features/identity/settings-page'), 'SettingsPage'),
});

const projectRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/$project',
  beforeLoad: ({ params, context }) => {
    if (context.session.projects.some((project) => project.name === params.project)) {
      rememberProject(params.project);
    }
  },
  component: ProjectPages,
});

const homeRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: '/',
  component: lazyRouteComponent(() => import('../features/home/home-page'), 'HomePage'),
});

export const jobFilters = ['all', 'active', ...jobStates] as const;
export type JobFilter = (typeof jobFilters)[number];

const jobsRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: '/jobs',
  validateSearch: (search: Search): { state?: JobFilter | undefined } => ({
    state: oneOf(search, 'state', jobFilters),
  }),
  component: lazyRouteComponent(() => import('../features/jobs/jobs-page'), 'JobsPage'),
});

const newJobRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: '/jobs/new',
  component: lazyRouteComponent(() => import('../features/jobs/new-job-page'), 'NewJobPage'),
});

export const jobTabs = ['log', 'metrics', 'events', 'resources', 'spec'] as const;
export type JobTab = (typeof jobTabs)[number];

const jobRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: '/jobs/$jobId',
  validateSearch: (search: Search): { tab?: JobTab | undefined; replica?: string | undefined } => ({
    tab: oneOf(search, 'tab', jobTabs),
    replica: textOf(search, 'replica'),
  }),
  component: lazyRouteComponent(() => import('../features/jobs/job-page'), 'JobPage'),
});

const experimentsRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: '/experiments',
  component: lazyRouteComponent(
    () => import('../features/experiments/experiments-page'),
    'ExperimentsPage',
  ),
});

export const chartAxes = ['step', 'relative', 'time'] as const;
export type ChartAxis = (typeof chartAxes)[number];

export interface ChartSearch {
  axis?: ChartAxis | undefined;
  log?: '1' | undefined;
  logx?: '1' | undefined;
  smooth?: string | undefined;
  /** A part of the names of the metrics that are shown. */
  find?: string | undefined;
}

function chartSearch(search: Search): ChartSearch {
  return {
    axis: oneOf(search, 'axis', chartAxes),
    log: oneOf(search, 'log', ['1']),
    logx: oneOf(search, 'logx', ['1']),
    smooth: textOf(search, 'smooth'),
    find: textOf(search, 'find'),
  };
}

export const experimentTabs = [
  'runs',
  'charts',
  'explore',
  'leaderboard',
  'traces',
  'permissions',
] as const;
export type ExperimentTab = (typeof experimentTabs)[number];
export const aggregates = ['mean', 'least', 'greatest'] as const;
export const exploreKinds = ['parallel', 'scatter', 'bar'] as const;
export type ExploreKind = (typeof exploreKinds)[number];

/** All that an experiment's page shows is in its address, so that a link shows the same. */
export interface ExperimentSearch extends ChartSearch, TraceTableSearch {
  tab?: ExperimentTab | undefined;
  filter?: string | undefined;
  order?: string | undefined;
  columns?: string | undefined;
  group?: string | undefined;
  aggregate?: (typeof aggregates)[number] | undefined;
  nested?: '1' | undefined;
  /** The runs that are selected. */
  runs?: string | undefined;
  hidden?: string | undefined;
  /** How many runs are drawn. */
  draw?: string | undefined;
  kind?: ExploreKind | undefined;
  axes?: string | undefined;
  x?: string | undefined;
  y?: string | undefined;
  colour?: string | undefined;
  metric?: string | undefined;
  goal?: 'min' | undefined;
  top?: string | undefined;
}

const experimentRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: '/experiments/$experiment',
  validateSearch: (search: Search): ExperimentSearch => ({
    ...traceTableSearch(search),
    tab: oneOf(search, 'tab', experimentTabs),
    filter: textOf(search, 'filter'),
    order: textOf(search, 'order'),
    columns: textOf(search, 'columns'),
    group: textOf(search, 'group'),
    aggregate: oneOf(search, 'aggregate', aggregates),
    nested: oneOf(search, 'nested', ['1']),
    runs: textOf(search, 'runs'),
    hidden: textOf(search, 'hidden'),
    draw: textOf(search, 'draw'),
    kind: oneOf(search, 'kind', exploreKinds),
    axes: textOf(search, 'axes'),
    x: textOf(search, 'x'),
    y: textOf(search, 'y'),
    colour: textOf(search, 'colour'),
    metric: textOf(search, 'metric'),
    goal: oneOf(search, 'goal', ['min']),
    top: textOf(search, 'top'),
    ...chartSearch(search),
  }),
  component: lazyRouteComponent(
    () => import('../features/experiments/experiment-page'),
    'ExperimentPage',
  ),
});

export const runTabs = [
  'overview',
  'charts',
  'system',
  'artifacts',
  'models',
  'reproduction',
  'lineage',
  'log',
] as const;
export type RunTab = (typeof runTabs)[number];

const runRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: '/runs/$runId',
  validateSearch: (
    search: Search,
  ): ChartSearch & { tab?: RunTab | undefined; path?: string | undefined } => ({
    tab: oneOf(search, 'tab', runTabs),
    path: textOf(search, 'path'),
    ...chartSearch(search),
  }),
  component: lazyRouteComponent(() => import('../features/experiments/run-page'), 'RunPage'),
});

const compareRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: '/compare',
  validateSearch: (
    search: Search,
  ): ChartSearch & {
    runs?: string | undefined;
    all?: '1' | undefined;
    base?: string | undefined;
    file?: string | undefined;
    title?: string | undefined;
    notes?: string | undefined;
  } => ({
    runs: textOf(search, 'runs'),
    title: textOf(search, 'title'),
    notes: textOf(search, 'notes'),
    all: oneOf(search, 'all', ['1']),
    base: textOf(search, 'base'),
    file: textOf(search, 'file'),
    ...chartSearch(search),
  }),
  component: lazyRouteComponent(
    () => import('../features/experiments/compare-page'),
    'ComparePage',
  ),
});

const traceRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: '/traces/$traceId',
  validateSearch: (search: Search): { span?: string | undefined } => ({
    span: textOf(search, 'span'),
  }),
  component: lazyRouteComponent(() => import('../features/traces/trace-page'), 'TracePage'),
});

const environmentsRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: '/environments',
  component: lazyRouteComponent(
    () => import('../features/environments/environments-page'),
    'EnvironmentsPage',
  ),
});

export const environmentTabs = ['requirements', 'lock', 'log'] as const;
export type EnvironmentTab = (typeof environmentTabs)[number];

const environmentRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: '/environments/$environment',
  validateSearch: (search: Search): { tab?: EnvironmentTab | undefined } => ({
    tab: oneOf(search, 'tab', environmentTabs),
  }),
  component: lazyRouteComponent(
    () => import('../features/environments/environment-page'),
    'EnvironmentPage',
  ),
});

export const modelsTabs = ['list', 'requests', 'rules'] as const;
export type ModelsTab = (typeof modelsTabs)[number];

const modelsRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: '/models',
  validateSearch: (search: Search): { tab?: ModelsTab | undefined } => ({
    tab: oneOf(search, 'tab', modelsTabs),
  }),
  component: lazyRouteComponent(() => import('../features/models/models-page'), 'ModelsPage'),
});

export const modelTabs = ['versions', 'card', 'history', 'permissions'] as const;
export type ModelTab = (typeof modelTabs)[number];
export const versionTabs = ['overview', 'card', 'contents', 'lineage', 'history'] as const;
export type VersionTab = (typeof versionTabs)[number];

const modelRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: '/models/$model',
  validateSearch: (
    search: Search,
  ): {
    version?: string | undefined;
    tab?: ModelTab | undefined;
    view?: VersionTab | undefined;
  } => ({
    version: textOf(search, 'version'),
    tab: oneOf(search, 'tab', modelTabs),
    view: oneOf(search, 'view', versionTabs),
  }),
  component: lazyRouteComponent(() => import('../features/models/model-page'), 'ModelPage'),
});

const endpointsRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: '/endpoints',
  component: lazyRouteComponent(
    () => import('../features/endpoints/endpoints-page'),
    'EndpointsPage',
  ),
});

export const endpointTabs = ['try', 'code', 'log', 'settings'] as const;
export type EndpointTab = (typeof endpointTabs)[number];

const endpointRoute = createRoute({
  getParentRoute: () => projectRoute,
  path: '/endpoints/$endpoint',
  validateSearch: (
    search: Search,
  ): { tab?: EndpointTab | undefined; replica?: string | undefined } => ({
    tab: oneOf(search, 'tab', endpointTabs),
    replica: textOf(search, 'replica'),
  }),
  component: lazyRouteComponent(
    () => import('../features/endpoints/endpoint-page'),
    'EndpointPage',
  ),
});

const routeTree = rootRoute.addChildren([
  signInRoute,
  signInLinkRoute,
  signedInRoute.addChildren([
    indexRoute,
    baseUrlRoute,
    settingsIndexRoute,
    settingsRoute,
    projectRoute.addChildren([
      homeRoute,
      jobsRoute,
      newJobRoute,
      jobRoute,
      experimentsRoute,
      experimentRoute,
      runRoute,
      compareRoute,
      traceRoute,
      environmentsRoute,
      environmentRoute,
      modelsRoute,
      modelRoute,
      endpointsRoute,
      endpointRoute,
    ]),
  ]),
]);

export function createPortalRouter(queryClient: QueryClient) {
  return createRouter({
    routeTree,
    context: { queryClient },
    parseSearch,
    stringifySearch,
    defaultPreload: 'intent',
    defaultPreloadStaleTime: 0,
    defaultPendingMs: 150,
    defaultPendingComponent: PagePending,
    defaultErrorComponent: PageError,
    defaultNotFoundComponent: NotFound,
    scrollRestoration: true,
    scrollToTopSelectors: ['#main'],
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createPortalRouter>;
  }
}
