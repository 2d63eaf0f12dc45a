import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Suspense, lazy, useMemo, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { runTabs, type RunTab } from '../../app/router';
import { isLiveRun, runQuery } from '../../api/queries';
import { forkedFromTag, parentTag, reproducesTag } from '../../api/reproduction';
import { inputsQuery } from '../../api/tracking';
import type { Run } from '../../api/types';
import { formatMetric, shortId } from '../../i18n/format';
import { CopyableId } from '../../ui/copy';
import { Definitions, Facts, PageHeader, Section, type Fact } from '../../ui/layout';
import { StateBadge } from '../../ui/state-badge';
import { ErrorState, Skeleton } from '../../ui/states';
import { Tabs } from '../../ui/tabs';
import { Duration, RelativeTime } from '../../ui/time';
import { ChartControls } from './chart-controls';
import { ChartGrid, type ChartRun } from './chart-grid';
import { RegisteredVersions } from './registered-versions';
import { RunActions } from './run-actions';
import './run-page.css';

const Artifacts = lazy(() => import('./artifacts'));
const LoggedModels = lazy(() => import('./logged-models'));
const ReproductionTab = lazy(() => import('./reproduction-tab'));
const LineageTab = lazy(() => import('./lineage-tab'));
const JobLog = lazy(() => import('./run-log'));
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

const systemStart = 'system/';
const origins = [
  { tag: parentTag, label: 'parent' },
  { tag: forkedFromTag, label: 'forked_from' },
  { tag: reproducesTag, label: 'reproduces' },
] as const;

function LoadedRun({ project, run }: { project: string; run: Run }) {
  const { t } = useTranslation();
  const { tab = 'overview', ...controls } = useSearch({ from: route });
  const navigate = useNavigate({ from: '/$project/runs/$runId' });
  const isLive = isLiveRun(run);
  const runs = useMemo(
    (): ChartRun[] => [{ id: run.id, name: run.name, isLive }],
    [run.id, run.name, isLive],
  );
  // A run that goes on is read again and again: the charts must not be laid out anew each time.
  const keys = Object.keys(run.metrics).sort().join('\n');
  const [metrics, system] = useMemo(() => {
    const all = keys === '' ? [] : keys.split('\n');
    return [
      all.filter((key) => !key.startsWith(systemStart)),
      all.filter((key) => key.startsWith(systemStart)),
    ];
  }, [keys]);
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
    ...origins.flatMap(({ tag, label }) => {
      const other = run.tags[tag];
      return other === undefined
        ? []
        : [
            {
              label: t(`relation.${label}`),
              value: (
                <Link
                  className="link"
                  to="/$project/runs/$runId"
                  params={{ project, runId: other }}
                >
                  {shortId(other)}
                </Link>
              ),
            },
          ];
    }),
    { label: t('runs.metrics'), value: String(Object.keys(run.metrics).length) },
    { label: t('runs.parameters'), value: String(Object.keys(run.parameters).length) },
  ];
  const charts = (shown: string[]) => (
    <>
      <ChartControls
        controls={controls}
        onControls={(next) =>
          void navigate({ search: (old) => ({ ...old, ...next }), replace: true })
        }
      />
      <ChartGrid project={project} runs={runs} metrics={shown} controls={controls} />
    </>
  );
  const content: Record<RunTab, () => ReactNode> = {
    overview: () => <RunOverview project={project} run={run} />,
    charts: () => charts(metrics),
    system: () => charts(system),
    artifacts: () => (
      <Artifacts
        project={project}
        run={run}
        path={controls.path}
        onPath={(path) => void navigate({ search: (old) => ({ ...old, path }) })}
      />
    ),
    models: () => <LoggedModels project={project} run={run.id} />,
    reproduction: () => <ReproductionTab project={project} run={run} />,
    lineage: () => <LineageTab project={project} run={run} />,
    log: () => run.job_id !== null && <JobLog project={project} job={run.job_id} />,
  };
  const tabs = runTabs.filter(
    (name) => (name !== 'system' || system.length > 0) && (name !== 'log' || run.job_id !== null),
  );
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
        actions={<RunActions project={project} run={run} />}
      />
      <Facts facts={facts} />
      <Suspense fallback={<Skeleton lines={6} />}>
        <Tabs
          label={run.name}
          current={tabs.includes(tab) ? tab : 'overview'}
          onChange={(next) =>
            void navigate({
              search: (old) => ({ ...old, tab: next === 'overview' ? undefined : next }),
              replace: true,
            })
          }
          tabs={tabs.map((name) => ({
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

const filteredFrom = 12;
const rowsShown = 300;

function RunOverview({ project, run }: { project: string; run: Run }) {
  const { t } = useTranslation();
  const [part, setPart] = useState('');
  const matches = (key: string) => key.toLowerCase().includes(part.trim().toLowerCase());
  const byName = <Value,>([left]: [string, Value], [right]: [string, Value]) =>
    left.localeCompare(right);
  const metrics = Object.entries(run.metrics).sort(byName);
  const parameters = Object.entries(run.parameters).sort(byName);
  const shownMetrics = metrics.filter(([key]) => matches(key));
  const shownParameters = parameters.filter(([key]) => matches(key));
  const tags = Object.entries(run.tags);
  const note = run.tags['mlflow.note.content'];
  const shownTags = [
    ...tags.filter((tag) => !isSystemTag(tag)),
    ...tags.filter(
      (tag) =>
        isSystemTag(tag) &&
        tag[0] !== 'mlflow.note.content' &&
        tag[0] !== 'mlflow.log-model.history',
    ),
  ];
  return (
    <div className="stack">
      {note !== undefined && note !== '' && <p className="note">{note}</p>}
      {metrics.length + parameters.length > filteredFrom && (
        <input
          type="search"
          data-page-search
          className="input small run-find"
          placeholder={t('runs.find')}
          aria-label={t('runs.find')}
          value={part}
          onChange={(event) => setPart(event.target.value)}
        />
      )}
      <div className="columns">
        <Section title={t('runs.metrics')}>
          {shownMetrics.length === 0 ? (
            <p className="muted">
              {metrics.length === 0 ? t('runs.metrics_none') : t('runs.none_found')}
            </p>
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
                {shownMetrics.slice(0, rowsShown).map(([key, metric]) => (
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
          {shownMetrics.length > rowsShown && (
            <p className="muted">{t('runs.more', { count: shownMetrics.length - rowsShown })}</p>
          )}
        </Section>
        <Section title={t('runs.parameters')}>
          <Definitions
            rows={shownParameters.slice(0, rowsShown)}
            empty={parameters.length === 0 ? t('runs.parameters_none') : t('runs.none_found')}
          />
        </Section>
        <Section title={t('runs.tags')}>
          <Definitions rows={shownTags} empty={t('common.none')} />
        </Section>
        <Datasets project={project} run={run.id} />
        <RegisteredVersions project={project} run={run.id} />
      </div>
    </div>
  );
}

function Datasets({ project, run }: { project: string; run: string }) {
  const { t } = useTranslation();
  const { data } = useQuery(inputsQuery(project, run));
  if (data === undefined || data.datasets.length === 0) return null;
  return (
    <Section title={t('runs.datasets')}>
      <Definitions
        rows={data.datasets.map((dataset) => [
          dataset.name,
          <span key={dataset.digest} className="dataset">
            {dataset.tags['mlflow.data.context'] !== undefined && (
              <span className="badge">{dataset.tags['mlflow.data.context']}</span>
            )}{' '}
            <code>{dataset.digest}</code> <span className="muted">{dataset.source_type}</span>
          </span>,
        ])}
      />
    </Section>
  );
}
