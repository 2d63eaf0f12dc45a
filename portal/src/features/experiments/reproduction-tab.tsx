import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { environmentQuery, jobQuery } from '../../api/queries';
import { codeFilesQuery, codeSnapshotQuery, reproducesTag } from '../../api/reproduction';
import { inputsQuery } from '../../api/tracking';
import type { Job, Run } from '../../api/types';
import { formatBytes, formatCommand, shortId } from '../../i18n/format';
import { CodeBlock, CopyableId } from '../../ui/copy';
import { Definitions, Section } from '../../ui/layout';
import { EmptyState, ErrorState, Skeleton } from '../../ui/states';
import { ResourceText } from '../jobs/job-parts';
import { ComparisonReport } from './comparison-report';
import { parsePackages } from './packages';
import './reproduction.css';

/** What a run recorded of how it was made, and how a repeated one came out. */
export default function ReproductionTab({ project, run }: { project: string; run: Run }) {
  const { t } = useTranslation();
  const original = run.tags[reproducesTag];
  return (
    <div className="stack">
      {original !== undefined && (
        <Section
          title={t('reproduction.report')}
          actions={
            <Link className="link" to="/$project/runs/$runId" params={{ project, runId: original }}>
              {t('reproduction.of', { id: shortId(original) })}
            </Link>
          }
        >
          <ComparisonReport project={project} original={original} run={run} />
        </Section>
      )}
      {run.job_id === null ? (
        <NoJob project={project} run={run} />
      ) : (
        <Recorded project={project} run={run} jobId={run.job_id} />
      )}
    </div>
  );
}

function NoJob({ project, run }: { project: string; run: Run }) {
  const { t } = useTranslation();
  return (
    <>
      <EmptyState title={t('reproduction.no_job')} command="maru run -- python3 train.py">
        {t('reproduction.no_job_text')}
      </EmptyState>
      <Section title={t('reproduction.recorded')}>
        <Definitions rows={[...sourceRows(run), ...useDatasetRows(project, run)]} />
      </Section>
    </>
  );
}

/** What MLflow's client says of where a program came from. */
function sourceRows(run: Run): [string, ReactNode][] {
  return ['mlflow.source.name', 'mlflow.source.git.commit', 'mlflow.source.git.branch'].flatMap(
    (tag) => {
      const value = run.tags[tag];
      return value === undefined ? [] : [[tag, value] satisfies [string, string]];
    },
  );
}

function useDatasetRows(project: string, run: Run): [string, ReactNode][] {
  const { t } = useTranslation();
  const { data } = useQuery(inputsQuery(project, run.id));
  return [
    [
      t('runs.datasets'),
      data === undefined || data.datasets.length === 0 ? (
        <span className="muted">{t('common.none')}</span>
      ) : (
        data.datasets.map((one) => (
          <div key={`${one.name} ${one.digest}`}>
            {one.name} <code>{one.digest}</code>
          </div>
        ))
      ),
    ],
  ];
}

function Recorded({ project, run, jobId }: { project: string; run: Run; jobId: string }) {
  const { t } = useTranslation();
  const { data: job, error, refetch } = useQuery(jobQuery(project, jobId));
  const datasets = useDatasetRows(project, run);
  if (job === undefined)
    return error === null ? (
      <Skeleton lines={8} />
    ) : (
      <ErrorState error={error} retry={() => void refetch()} />
    );
  const variables = Object.entries(job.variables);
  const seeds = variables.filter(([name]) => /seed/i.test(name));
  const others = variables.filter(([name]) => !/seed/i.test(name));
  const pairs = (list: [string, string][]) =>
    list.length === 0 ? (
      <span className="muted">{t('common.none')}</span>
    ) : (
      list.map(([name, value]) => (
        <div key={name}>
          <code>
            {name}={value}
          </code>
        </div>
      ))
    );
  return (
    <Section title={t('reproduction.recorded')}>
      <CodeBlock label={t('jobs.command')} code={formatCommand(job.command)} />
      <Definitions
        rows={[
          [t('jobs.code'), <Code key="code" project={project} job={job} />],
          [t('jobs.environment'), <Environment key="environment" project={project} job={job} />],
          ...datasets,
          [t('runs.parameters'), pairs(Object.entries(job.parameters))],
          [t('reproduction.seeds'), pairs(seeds)],
          [t('reproduction.variables'), pairs(others)],
          [t('reproduction.machine'), run.tags['maru.machine'] ?? '–'],
          [t('jobs.resources'), <ResourceText key="resources" resources={job.resources} />],
          ...sourceRows(run),
        ]}
      />
    </Section>
  );
}

function Code({ project, job }: { project: string; job: Job }) {
  const { t } = useTranslation();
  if (job.code === null) return <span className="muted">{t('reproduction.no_code')}</span>;
  return <Snapshot project={project} id={job.code} />;
}

function Snapshot({ project, id }: { project: string; id: string }) {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(false);
  const { data } = useQuery(codeSnapshotQuery(project, id));
  const files = useQuery({ ...codeFilesQuery(project, id), enabled: isOpen });
  return (
    <>
      <CopyableId id={id} />
      {data !== undefined && (
        <details onToggle={(event) => setOpen(event.currentTarget.open)}>
          <summary>
            {t('reproduction.files', {
              count: data.file_count,
              size: formatBytes(data.size_bytes),
            })}
          </summary>
          {files.error !== null && <ErrorState error={files.error} />}
          {isOpen && files.data !== undefined && (
            // A scrolling region must be reachable by keyboard.
            // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
            <div className="code-file-list" tabIndex={0} role="region" aria-label={t('jobs.code')}>
              <table className="plain-table">
                <tbody>
                  {files.data.slice(0, 500).map((file) => (
                    <tr key={file.path}>
                      <th scope="row">{file.path}</th>
                      <td className="right numeric">{formatBytes(file.size_bytes)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
              {files.data.length > 500 && (
                <p className="muted">{t('runs.more', { count: files.data.length - 500 })}</p>
              )}
            </div>
          )}
        </details>
      )}
    </>
  );
}

function Environment({ project, job }: { project: string; job: Job }) {
  const { t } = useTranslation();
  const { data } = useQuery({
    ...environmentQuery(project, job.environment ?? ''),
    enabled: job.environment !== null,
    retry: false,
  });
  if (job.environment === null)
    return <span className="muted">{t('jobs.environment_system')}</span>;
  return (
    <>
      <Link
        className="link"
        to="/$project/environments/$environment"
        params={{ project, environment: job.environment }}
        search={{ tab: 'lock' }}
      >
        {data?.name ?? shortId(job.environment)}
      </Link>
      {data !== undefined && (
        <span className="muted">
          {' '}
          Python {data.python}
          {data.lock !== null &&
            ` · ${t('reproduction.packages', { count: parsePackages(data.lock).size })}`}
        </span>
      )}
    </>
  );
}
