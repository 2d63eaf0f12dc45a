import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Suspense, lazy, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { runTabs, type RunTab } from '../../app/router';
import { modelsQuery, runQuery } from '../../api/queries';
import type { Run } from '../../api/types';
import { formatMetric, shortId } from '../../i18n/format';
import { CopyableId } from '../../ui/copy';
import { Definitions, Facts, PageHeader, Section, type Fact } from '../../ui/layout';
import { StateBadge } from '../../ui/state-badge';
import { ErrorState, Skeleton } from '../../ui/states';
import { Tabs } from '../../ui/tabs';
import { Duration, RelativeTime } from '../../ui/time';
import { RunCharts } from './run-charts';

const VersionList = lazy(() => import('./registered-versions'));
const Artifacts = lazy(() => import('./artifacts'));
const route = '/signed-in/$project/runs/$runId';

export function RunPage() {
  const { t } = useTranslation();
  const { project, runId } = useParams({ from: route });
  const { data: run, error, refetch } = useQuery(runQuery(project, runId));
  if (run === undefined) {
    return (
      <div className="page">
        <PageHeader
          title={shortId(runId)}
          documentTitle={shortId(runId)}
          crumbs={
            <Link to="/$project/experiments" params={{ project }}>
              {t('nav.experiments')}
            </Link>
          }
        />
        {error === null ? (
          <Skeleton lines={8} />
        ) : (
          <ErrorState error={error} retry={() => void refetch()} />
        )}
      </div>
    );
  }
  return <LoadedRun project={project} run={run} />;
}

function LoadedRun({ project, run }: { project: string; run: Run }) {
  const { t } = useTranslation();
  const { tab = 'overview', ...controls } = useSearch({ from: route });
  const navigate = useNavigate({ from: '/$project/runs/$runId' });
  const runs = useMemo(() => [run], [run]);
  const facts: Fact[] = [
    { label: t('runs.started'), value: <RelativeTime at={run.started_at} /> },
    { label: t('runs.duration'), value: <Duration from={run.started_at} to={run.ended_at} /> },
    {
      label: t('runs.job'),
      value:
        run.job_id === null ? (
          '–'
        ) : (
          <Link className="link" to="/$project/jobs/$jobId" params={{ project, jobId: run.job_id }}>
            {shortId(run.job_id)}
          </Link>
        ),
    },
    { label: t('runs.metrics'), value: String(Object.keys(run.metrics).length) },
    { label: t('runs.parameters'), value: String(Object.keys(run.parameters).length) },
  ];
  const content: Record<RunTab, () => React.ReactNode> = {
    overview: () => <RunOverview project={project} run={run} />,
    charts: () => (
      <RunCharts
        project={project}
        runs={runs}
        controls={controls}
        onControls={(next) =>
          void navigate({ search: (old) => ({ ...old, ...next }), replace: true })
        }
      />
    ),
    artifacts: () => (
      <Artifacts
        project={project}
        run={run}
        path={controls.path}
        onPath={(path) => void navigate({ search: (old) => ({ ...old, path }) })}
      />
    ),
  };
  return (
    <div className="page">
      <PageHeader
        title={run.name}
        documentTitle={run.name}
        crumbs={
          <>
            <Link to="/$project/experiments" params={{ project }}>
              {t('nav.experiments')}
            </Link>
            <span aria-hidden="true">/</span>
            <Link
              className="cut"
              to="/$project/experiments/$experiment"
              params={{ project, experiment: run.experiment_name }}
            >
              {run.experiment_name}
            </Link>
          </>
        }
        meta={
          <>
            <StateBadge state={run.status} />
            <span>{run.user}</span>
            <CopyableId id={run.id} />
          </>
        }
      />
      <Facts facts={facts} />
      <Suspense fallback={<Skeleton lines={6} />}>
        <Tabs
          label={run.name}
          current={tab}
          onChange={(next) =>
            void navigate({
              search: (old) => ({ ...old, tab: next === 'overview' ? undefined : next }),
              replace: true,
            })
          }
          tabs={runTabs.map((name) => ({
            name,
            label: t(`runs.tab_${name}`),
            content: content[name],
          }))}
        />
      </Suspense>
    </div>
  );
}

/** Tags that MLflow's clients set for themselves; what people wrote comes first. */
function isSystemTag([name]: [string, string]): boolean {
  return name.startsWith('mlflow.') || name.startsWith('maru.');
}

function RunOverview({ project, run }: { project: string; run: Run }) {
  const { t } = useTranslation();
  const metrics = Object.entries(run.metrics).sort(([left], [right]) => left.localeCompare(right));
  const tags = Object.entries(run.tags);
  const note = run.tags['mlflow.note.content'];
  const shownTags = [
    ...tags.filter((tag) => !isSystemTag(tag)),
    ...tags.filter((tag) => isSystemTag(tag) && tag[0] !== 'mlflow.note.content'),
  ];
  return (
    <div className="stack">
      {note !== undefined && note !== '' && <p className="note">{note}</p>}
      <div className="columns">
        <Section title={t('runs.metrics')}>
          {metrics.length === 0 ? (
            <p className="muted">{t('runs.metrics_none')}</p>
          ) : (
            <table className="plain-table" aria-label={t('runs.metrics')}>
              <thead>
                <tr>
                  <th scope="col">{t('runs.metric')}</th>
                  <th scope="col" className="right">
                    {t('runs.value')}
                  </th>
                  <th scope="col" className="right">
                    {t('runs.step')}
                  </th>
                </tr>
              </thead>
              <tbody>
                {metrics.map(([key, metric]) => (
                  <tr key={key}>
                    <th scope="row">{key}</th>
                    <td className="right numeric" title={String(metric.value)}>
                      {formatMetric(metric.value)}
                    </td>
                    <td className="right numeric muted">{metric.step}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </Section>
        <Section title={t('runs.parameters')}>
          <Definitions
            rows={Object.entries(run.parameters).sort(([left], [right]) =>
              left.localeCompare(right),
            )}
            empty={t('runs.parameters_none')}
          />
        </Section>
        <Section title={t('runs.tags')}>
          <Definitions rows={shownTags} empty={t('common.none')} />
        </Section>
        <RegisteredVersions project={project} run={run} />
      </div>
    </div>
  );
}

function RegisteredVersions({ project, run }: { project: string; run: Run }) {
  const { t } = useTranslation();
  const { data } = useQuery(modelsQuery(project));
  const names = data?.items.map((model) => model.name) ?? [];
  return <VersionList project={project} run={run} names={names} title={t('runs.models')} />;
}
