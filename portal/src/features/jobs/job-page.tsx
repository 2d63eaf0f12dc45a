import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Suspense, lazy } from 'react';
import { useTranslation } from 'react-i18next';
import { jobTabs, type JobTab } from '../../app/router';
import { jobEventsQuery, jobQuery, whyQuery } from '../../api/queries';
import type { Job } from '../../api/types';
import { currentLanguage } from '../../i18n';
import {
  formatBytes,
  formatCommand,
  formatDuration,
  formatExact,
  shortId,
} from '../../i18n/format';
import { CodeBlock, CopyableId } from '../../ui/copy';
import { Icon } from '../../ui/icon';
import { Definitions, Facts, PageHeader, Section, type Fact } from '../../ui/layout';
import { StateBadge } from '../../ui/state-badge';
import { ErrorState, Skeleton } from '../../ui/states';
import { Tabs } from '../../ui/tabs';
import { RelativeTime } from '../../ui/time';
import { isActive, JobActions } from './job-actions';
import { JobDuration, ResourceText } from './job-parts';
import { LogViewer } from './log-viewer';

const JobMetrics = lazy(() => import('./job-metrics'));
const JobUsage = lazy(() => import('./job-usage'));

export function JobPage() {
  const { t } = useTranslation();
  const { project, jobId } = useParams({ from: '/signed-in/$project/jobs/$jobId' });
  const { data: job, error, refetch } = useQuery(jobQuery(project, jobId));
  const crumbs = (
    <Link to="/$project/jobs" params={{ project }}>
      {t('nav.jobs')}
    </Link>
  );
  if (job === undefined) {
    return (
      <div className="page">
        <PageHeader title={shortId(jobId)} documentTitle={shortId(jobId)} crumbs={crumbs} />
        {error === null ? (
          <Skeleton lines={8} />
        ) : (
          <ErrorState error={error} retry={() => void refetch()} />
        )}
      </div>
    );
  }
  return (
    <div className="page fill">
      <PageHeader
        title={job.name}
        documentTitle={job.name}
        crumbs={crumbs}
        meta={
          <>
            <StateBadge state={job.state} />
            <span>{job.user}</span>
            <RelativeTime at={job.queued_at} />
            <CopyableId id={job.id} />
          </>
        }
        actions={<JobActions job={job} />}
      />
      <Outcome job={job} />
      <JobFacts job={job} />
      <JobTabs job={job} />
    </div>
  );
}

/** What ended the job badly, or what it waits for: the first thing anyone comes to read. */
function Outcome({ job }: { job: Job }) {
  const { t } = useTranslation();
  const isWaiting = job.state === 'queued' || job.state === 'preempted';
  const { data: why } = useQuery({ ...whyQuery(job.project, job.id), enabled: isWaiting });
  if (job.state === 'failed') {
    return (
      <div className="notice" role="alert">
        <Icon name="warning" />
        <div>
          <p className="error-title">
            {job.exit_code === null
              ? t('jobs.failed')
              : t('jobs.failed_code', { code: job.exit_code })}
          </p>
          {job.reason !== '' && <p>{job.reason}</p>}
        </div>
      </div>
    );
  }
  if (!isWaiting) return null;
  const reason = why?.reason ?? job.reason;
  return (
    <div className="notice waiting">
      <Icon name="warning" />
      <div>
        <p className="error-title">{t('jobs.waiting')}</p>
        <p>{reason === '' ? t('jobs.waiting_unknown') : reason}</p>
        {why !== undefined && (why.position !== null || why.estimated_start_at !== null) && (
          <p className="muted">
            {why.position !== null && t('jobs.position', { position: why.position })}
            {why.position !== null && why.estimated_start_at !== null && ' · '}
            {why.estimated_start_at !== null && (
              <>
                {t('jobs.estimated_start')} <RelativeTime at={why.estimated_start_at} />
              </>
            )}
          </p>
        )}
      </div>
    </div>
  );
}

function JobFacts({ job }: { job: Job }) {
  const { t } = useTranslation();
  const language = currentLanguage();
  const nodes = [...new Set(job.replicas.map((replica) => replica.node).filter(Boolean))];
  const facts: Fact[] = [
    { label: t('jobs.duration'), value: <JobDuration job={job} /> },
    { label: t('jobs.resources'), value: <ResourceText resources={job.resources} /> },
    { label: t('jobs.node'), value: nodes.length === 0 ? '–' : nodes.join(', ') },
    {
      label: t('jobs.cpu_used'),
      value: formatDuration(job.usage.cpu_s * 1000, language),
      hint: t('jobs.cpu_used_hint'),
    },
    {
      label: t('jobs.memory_peak'),
      value: job.usage.memory_peak_bytes === 0 ? '–' : formatBytes(job.usage.memory_peak_bytes),
    },
  ];
  if (job.replica_count > 1)
    facts.push({ label: t('jobs.replicas'), value: String(job.replica_count) });
  if (job.attempt > 1 || job.retries > 0)
    facts.push({ label: t('jobs.attempt'), value: `${job.attempt} / ${job.retries + 1}` });
  if (job.exit_code !== null)
    facts.push({ label: t('jobs.exit_code'), value: String(job.exit_code) });
  return <Facts facts={facts} />;
}

function JobTabs({ job }: { job: Job }) {
  const { t } = useTranslation();
  const { tab = 'log', replica } = useSearch({ from: '/signed-in/$project/jobs/$jobId' });
  const navigate = useNavigate({ from: '/$project/jobs/$jobId' });
  const shownReplica = Math.min(Number(replica ?? 0) || 0, Math.max(0, job.replica_count - 1));
  const content: Record<JobTab, () => React.ReactNode> = {
    log: () => (
      <LogViewer
        key={`${job.id}/${shownReplica}`}
        project={job.project}
        job={job.id}
        replica={shownReplica}
        emptyText={job.state === 'queued' ? t('log.queued') : undefined}
        controls={
          job.replica_count > 1 && (
            <select
              className="input small log-replica"
              aria-label={t('jobs.replica')}
              value={shownReplica}
              onChange={(event) =>
                void navigate({
                  search: (old) => ({ ...old, replica: event.target.value }),
                  replace: true,
                })
              }
            >
              {Array.from({ length: job.replica_count }, (_, index) => (
                <option key={index} value={index}>
                  {t('jobs.replica_number', { number: index })}
                </option>
              ))}
            </select>
          )
        }
      />
    ),
    metrics: () => <JobMetrics job={job} />,
    events: () => <JobEventList job={job} />,
    resources: () => <JobUsage job={job} isLive={isActive(job.state)} />,
    spec: () => <JobSpec job={job} />,
  };
  const shown = jobTabs.filter((name) => name !== 'metrics' || job.run_id !== null);
  return (
    <Suspense fallback={<Skeleton lines={6} />}>
      <Tabs
        label={job.name}
        current={shown.includes(tab) ? tab : 'log'}
        onChange={(next) =>
          void navigate({
            search: (old) => ({ ...old, tab: next === 'log' ? undefined : next }),
            replace: true,
          })
        }
        tabs={shown.map((name) => ({ name, label: t(`jobs.tab_${name}`), content: content[name] }))}
      />
    </Suspense>
  );
}

function JobEventList({ job }: { job: Job }) {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(jobEventsQuery(job.project, job.id));
  if (data === undefined) {
    return error === null ? (
      <Skeleton lines={4} />
    ) : (
      <ErrorState error={error} retry={() => void refetch()} />
    );
  }
  return (
    <table className="plain-table" aria-label={t('jobs.tab_events')}>
      <thead>
        <tr>
          <th scope="col">{t('jobs.at')}</th>
          <th scope="col">{t('jobs.state')}</th>
          <th scope="col">{t('jobs.reason')}</th>
          <th scope="col" className="right wide-only">
            {t('jobs.attempt')}
          </th>
        </tr>
      </thead>
      <tbody>
        {data.items.map((event) => (
          <tr key={event.number}>
            <td>
              <time dateTime={event.at}>{formatExact(new Date(event.at), currentLanguage())}</time>
            </td>
            <td>
              <StateBadge state={event.state} />
            </td>
            <td>{event.reason}</td>
            <td className="right wide-only">{event.attempt}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function JobSpec({ job }: { job: Job }) {
  const { t } = useTranslation();
  const { project } = job;
  return (
    <div className="stack">
      <CodeBlock code={formatCommand(job.command)} label={t('jobs.command')} />
      <div className="columns">
        <Section title={t('jobs.spec_runs')}>
          <Definitions
            rows={[
              [
                t('jobs.environment'),
                job.environment === null ? (
                  '–'
                ) : (
                  <Link
                    className="link"
                    to="/$project/environments/$environment"
                    params={{ project, environment: job.environment }}
                  >
                    {shortId(job.environment)}
                  </Link>
                ),
              ],
              [t('jobs.code'), job.code === null ? '–' : <CopyableId id={job.code} />],
              [
                t('jobs.experiment'),
                job.experiment === null ? (
                  '–'
                ) : (
                  <Link
                    className="link"
                    to="/$project/experiments/$experiment"
                    params={{ project, experiment: job.experiment }}
                  >
                    {job.experiment}
                  </Link>
                ),
              ],
              [
                t('jobs.run'),
                job.run_id === null ? (
                  '–'
                ) : (
                  <Link
                    className="link"
                    to="/$project/runs/$runId"
                    params={{ project, runId: job.run_id }}
                  >
                    {shortId(job.run_id)}
                  </Link>
                ),
              ],
              [t('jobs.resources'), <ResourceText key="resources" resources={job.resources} />],
              [t('jobs.replicas'), String(job.replica_count)],
              [t('jobs.retries'), String(job.retries)],
              [
                t('jobs.time_limit'),
                job.time_limit_s === null
                  ? t('common.none')
                  : formatDuration(job.time_limit_s * 1000, currentLanguage()),
              ],
              [t('jobs.stop_grace'), formatDuration(job.stop_grace_s * 1000, currentLanguage())],
            ]}
          />
        </Section>
        <div className="stack">
          <Section title={t('jobs.parameters')}>
            <Definitions rows={Object.entries(job.parameters)} empty={t('common.none')} />
          </Section>
          <Section title={t('jobs.variables')}>
            <Definitions rows={Object.entries(job.variables)} empty={t('common.none')} />
          </Section>
          {job.replicas.length > 0 && (
            <Section title={t('jobs.replicas')}>
              <Definitions
                rows={job.replicas.map((replica) => [
                  t('jobs.replica_number', { number: replica.index }),
                  <span key="state" className="row">
                    <StateBadge state={replica.state} />
                    <span className="muted">{replica.node ?? '–'}</span>
                    {replica.exit_code !== null && (
                      <span className="muted">
                        {t('jobs.exit_code')} {replica.exit_code}
                      </span>
                    )}
                  </span>,
                ])}
              />
            </Section>
          )}
        </div>
      </div>
    </div>
  );
}
