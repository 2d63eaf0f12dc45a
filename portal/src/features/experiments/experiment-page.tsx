import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Suspense, lazy, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useHasRole } from '../../api/permissions';
import { experimentsQuery } from '../../api/queries';
import { experimentTabs, type ExperimentSearch, type ExperimentTab } from '../../app/router';
import { parseSearch, stringifySearch } from '../../app/search';
import { PageHeader } from '../../ui/layout';
import { EmptyState, ErrorState, Skeleton } from '../../ui/states';
import { Tabs } from '../../ui/tabs';
import { RunsView } from './runs-view';
import { ViewsMenu } from './views-menu';

const ChartsView = lazy(() => import('./charts-view'));
const ExploreView = lazy(() => import('./explore-view'));
const LeaderboardView = lazy(() => import('./leaderboard-view'));
const Permissions = lazy(() => import('../identity/permissions'));
const TraceTable = lazy(() => import('../traces/trace-table'));
const route = '/signed-in/$project/experiments/$experiment';

export function ExperimentPage() {
  const { t } = useTranslation();
  const { project, experiment: wanted } = useParams({ from: route });
  const search = useSearch({ from: route });
  const navigate = useNavigate({ from: '/$project/experiments/$experiment' });
  const { data, error, refetch } = useQuery(experimentsQuery(project));
  const experiment =
    data?.items.find((one) => one.name === wanted) ?? data?.items.find((one) => one.id === wanted);
  const crumbs = (
    <Link to="/$project/experiments" params={{ project }}>
      {t('nav.experiments')}
    </Link>
  );
  const onSearch = (change: Partial<ExperimentSearch>) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  const isOwner = useHasRole(project, 'owner');
  const shownTabs = experimentTabs.filter((name) => name !== 'permissions' || isOwner);
  const tab = shownTabs.find((name) => name === search.tab) ?? 'runs';
  const view = experiment && {
    project,
    experiment: experiment.name,
    search,
    onSearch,
  };
  const content: Record<ExperimentTab, () => ReactNode> = {
    runs: () => view && <RunsView {...view} />,
    charts: () => view && <ChartsView {...view} />,
    explore: () => view && <ExploreView {...view} />,
    leaderboard: () => view && <LeaderboardView {...view} />,
    traces: () => view && <TraceTable project={project} experiment={view.experiment} />,
    permissions: () =>
      experiment && (
        <Permissions
          project={project}
          kind="experiment"
          resource={experiment.id}
          name={experiment.name}
        />
      ),
  };
  return (
    <div className="page">
      <PageHeader
        title={experiment?.name ?? wanted}
        documentTitle={experiment?.name ?? wanted}
        crumbs={crumbs}
        actions={
          experiment !== undefined && (
            <ViewsMenu
              project={project}
              experiment={experiment.name}
              state={stringifySearch({ ...search, runs: undefined })}
              onOpen={(state) => void navigate({ search: parseSearch(state), replace: false })}
            />
          )
        }
      />
      {data === undefined ? (
        error === null ? (
          <Skeleton lines={8} />
        ) : (
          <ErrorState error={error} retry={() => void refetch()} />
        )
      ) : experiment === undefined ? (
        <EmptyState title={t('experiments.unknown', { name: wanted })} action={crumbs} />
      ) : (
        <Suspense fallback={<Skeleton lines={10} />}>
          <Tabs
            key={experiment.id}
            label={experiment.name}
            current={tab}
            onChange={(next) => onSearch({ tab: next === 'runs' ? undefined : next })}
            tabs={shownTabs.map((name) => ({
              name,
              label: t(`experiments.tab_${name}`),
              content: content[name],
            }))}
          />
        </Suspense>
      )}
    </div>
  );
}
