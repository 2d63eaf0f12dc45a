import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { endpointsQuery, someJobsQuery, statusQuery, whyQuery } from '../../api/queries';
import type { Endpoint, Job, NodeStatus, Page, Status } from '../../api/types';
import { currentLanguage } from '../../i18n';
import { formatCount, formatCpu, formatMebibytes } from '../../i18n/format';
import { PageHeader, Section } from '../../ui/layout';
import { StateBadge } from '../../ui/state-badge';
import { EmptyState, ErrorState, Skeleton } from '../../ui/states';
import { RelativeTime } from '../../ui/time';
import { Latency } from '../endpoints/latency';
import { JobDuration } from '../jobs/job-parts';
import './home.css';

const route = '/signed-in/$project/';

export function HomePage() {
  const { t } = useTranslation();
  const { project } = useParams({ from: route });
  const running = useQuery(someJobsQuery(project, 'running', 10));
  const queued = useQuery(someJobsQuery(project, 'queued', 8));
  const failed = useQuery(someJobsQuery(project, 'failed', 5));
  const recent = useQuery(someJobsQuery(project, 'all', 1));
  const status = useQuery(statusQuery);
  const endpoints = useQuery(endpointsQuery(project));
  const isNew = recent.data?.items.length === 0;
  // All at once: a list that came later than the one below it would push that down.
  if ([running, queued, failed, recent, status, endpoints].some((query) => query.isPending))
    return (
      <div className="page">
        <PageHeader title={t('nav.home')} documentTitle={project} />
        <Skeleton lines={12} />
      </div>
    );
  return (
    <div className="page">
      <PageHeader title={t('nav.home')} documentTitle={project} />
      {isNew && (
        <EmptyState
          title={t('home.welcome', { project })}
          command={`maru login ${window.location.origin}\nmaru project use ${project}\nmaru run -- python train.py`}
          action={
            <Link to="/$project/jobs/new" params={{ project }} className="button">
              {t('jobs.new')}
            </Link>
          }
        >
          {t('home.welcome_text')}
        </EmptyState>
      )}
      <div className="home">
        <div className="stack home-main">
          {!isNew && (
            <>
              <Section
                title={t('home.running')}
                actions={<More project={project} state="running" page={running.data} />}
              >
                <Listed query={running} none={t('home.running_none')}>
                  {(job) => <RunningLine job={job} />}
                </Listed>
              </Section>
              <Section
                title={t('home.waiting')}
                actions={<More project={project} state="queued" page={queued.data} />}
              >
                <Listed query={queued} none={t('home.waiting_none')}>
                  {(job) => <WaitingLine job={job} />}
                </Listed>
              </Section>
              <Section
                title={t('home.failures')}
                actions={<More project={project} state="failed" page={failed.data} />}
              >
                <Listed query={failed} none={t('home.failures_none')}>
                  {(job) => <FailedLine job={job} />}
                </Listed>
              </Section>
            </>
          )}
        </div>
        <div className="stack">
          <Capacity query={status} />
          <Endpoints project={project} query={endpoints} />
        </div>
      </div>
    </div>
  );
}

interface Answer<T> {
  data: T | undefined;
  error: unknown;
  refetch: () => unknown;
}

interface ListedProps {
  query: Answer<Page<Job>>;
  none: string;
  children: (job: Job) => ReactNode;
}

function Listed({ query, none, children }: ListedProps) {
  if (query.data === undefined)
    return <ErrorState error={query.error} retry={() => void query.refetch()} />;
  if (query.data.items.length === 0) return <p className="muted home-none">{none}</p>;
  return (
    <ul className="home-list">
      {query.data.items.map((job) => (
        <li key={job.id}>{children(job)}</li>
      ))}
    </ul>
  );
}

function More({
  project,
  state,
  page,
}: {
  project: string;
  state: 'running' | 'queued' | 'failed';
  page: Page<Job> | undefined;
}) {
  const { t } = useTranslation();
  if (page === undefined || page.items.length === 0) return null;
  return (
    <Link to="/$project/jobs" params={{ project }} search={{ state }} className="muted">
      {t('home.see_all')}
    </Link>
  );
}

function JobName({ job }: { job: Job }) {
  return (
    <span className="row-main grow">
      <StateBadge state={job.state} iconOnly />
      <Link
        to="/$project/jobs/$jobId"
        params={{ project: job.project, jobId: job.id }}
        className="cut"
      >
        {job.name}
      </Link>
    </span>
  );
}

function RunningLine({ job }: { job: Job }) {
  return (
    <div className="home-line">
      <JobName job={job} />
      <span className="muted">{job.user}</span>
      <JobDuration job={job} />
    </div>
  );
}

function WaitingLine({ job }: { job: Job }) {
  const { t } = useTranslation();
  const { data: why } = useQuery(whyQuery(job.project, job.id));
  const reason = why?.reason ?? job.reason;
  return (
    <>
      <div className="home-line">
        <JobName job={job} />
        <span className="muted">{job.user}</span>
        <RelativeTime at={job.queued_at} />
      </div>
      <p className="home-reason">
        {reason}
        {why?.position !== null && why?.position !== undefined && (
          <> · {t('jobs.position', { position: why.position })}</>
        )}
      </p>
    </>
  );
}

function FailedLine({ job }: { job: Job }) {
  const { t } = useTranslation();
  return (
    <>
      <div className="home-line">
        <JobName job={job} />
        <span className="muted">{job.user}</span>
        <RelativeTime at={job.finished_at ?? job.queued_at} />
      </div>
      <p className="home-reason">
        {[job.exit_code === null ? '' : t('jobs.exit', { code: job.exit_code }), job.reason]
          .filter((part) => part !== '')
          .join(' · ')}
      </p>
    </>
  );
}

function Capacity({ query: { data, error, refetch } }: { query: Answer<Status> }) {
  const { t } = useTranslation();
  return (
    <Section title={t('home.capacity')}>
      {data === undefined ? (
        <ErrorState error={error} retry={() => void refetch()} />
      ) : (
        <>
          <p className="muted">
            {t('home.counts', { running: data.jobs_running, queued: data.jobs_queued })}
          </p>
          {data.nodes.length === 0 && <p className="muted">{t('home.no_nodes')}</p>}
          {data.nodes.map((node) => (
            <NodeMeters key={node.name} node={node} />
          ))}
        </>
      )}
    </Section>
  );
}

function NodeMeters({ node }: { node: NodeStatus }) {
  const { t } = useTranslation();
  const rows = [
    {
      label: 'CPU',
      used: node.cpu_milli - node.cpu_free_milli,
      all: node.cpu_milli,
      format: formatCpu,
    },
    {
      label: t('jobs.memory'),
      used: node.memory_mib - node.memory_free_mib,
      all: node.memory_mib,
      format: formatMebibytes,
    },
    ...(node.gpus > 0
      ? [{ label: 'GPU', used: node.gpus - node.gpus_free, all: node.gpus, format: String }]
      : []),
  ];
  return (
    <div className="node">
      <h3 className="cut" title={node.name}>
        {node.name}
      </h3>
      {rows.map((row) => (
        <div key={row.label} className="node-row">
          <span>{row.label}</span>
          <div
            className="meter"
            role="meter"
            aria-label={`${node.name} ${row.label}`}
            aria-valuemin={0}
            aria-valuemax={row.all}
            aria-valuenow={row.used}
            aria-valuetext={`${row.format(row.used)} / ${row.format(row.all)}`}
          >
            <div style={{ width: `${row.all === 0 ? 0 : (row.used / row.all) * 100}%` }} />
          </div>
          <span className="muted nowrap">
            {row.format(row.used)} / {row.format(row.all)}
          </span>
        </div>
      ))}
    </div>
  );
}

interface EndpointsProps {
  project: string;
  query: Answer<Page<Endpoint>>;
}

function Endpoints({ project, query: { data, error, refetch } }: EndpointsProps) {
  const { t } = useTranslation();
  return (
    <Section title={t('nav.endpoints')}>
      {data === undefined ? (
        <ErrorState error={error} retry={() => void refetch()} />
      ) : data.items.length === 0 ? (
        <p className="muted home-none">{t('home.endpoints_none')}</p>
      ) : (
        <ul className="home-list">
          {data.items.map((endpoint) => (
            <li key={endpoint.id} className="home-line">
              <span className="row-main grow">
                <StateBadge state={endpoint.state} iconOnly />
                <Link
                  to="/$project/endpoints/$endpoint"
                  params={{ project, endpoint: endpoint.name }}
                  className="cut"
                >
                  {endpoint.name}
                </Link>
              </span>
              <span className="muted nowrap">
                {t('endpoints.requests_short', {
                  count: endpoint.requests_total,
                  shown: formatCount(endpoint.requests_total, currentLanguage()),
                })}
              </span>
              <span className="numeric nowrap">
                p99 <Latency endpoint={endpoint} share="p99" />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}
