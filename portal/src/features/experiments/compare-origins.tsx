import { useQueries } from '@tanstack/react-query';
import { Suspense, lazy, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { environmentQuery, jobQuery } from '../../api/queries';
import { codeFilesQuery } from '../../api/reproduction';
import type { CodeFile, Job, Run } from '../../api/types';
import { shortId } from '../../i18n/format';
import { CopyableId } from '../../ui/copy';
import { Section } from '../../ui/layout';
import { ErrorState, Skeleton } from '../../ui/states';
import { differingFiles, type FileDifference } from './code-difference';
import { differingPackages, parsePackages } from './packages';
import './compare-origins.css';

const TextDiff = lazy(() => import('./text-diff'));
/** Beyond so many different snapshots or environments, the question would cost more than its answer. */
const comparedMost = 20;

interface CompareOriginsProps {
  project: string;
  runs: Run[];
  /** What the others are compared with. */
  baseline: Run;
}

interface Origin {
  id: string;
  runs: Run[];
}

/** Runs by what they have in common; those of the baseline come first. */
function groupBy(runs: Run[], baseline: Run, read: (run: Run) => string | null): Origin[] {
  const groups = new Map<string, Run[]>();
  for (const run of [baseline, ...runs.filter((one) => one.id !== baseline.id)]) {
    const id = read(run);
    if (id !== null) groups.set(id, [...(groups.get(id) ?? []), run]);
  }
  return [...groups].map(([id, members]) => ({ id, runs: members }));
}

/** How the runs were made: the files of their code and the packages of their environments that differ. */
export default function CompareOrigins({ project, runs, baseline }: CompareOriginsProps) {
  const { t } = useTranslation();
  const jobIds = [...new Set(runs.flatMap((run) => run.job_id ?? []))];
  const jobs = useQueries({
    queries: jobIds.map((id) => ({ ...jobQuery(project, id), retry: false, staleTime: 60_000 })),
    combine: (results) => ({
      byId: new Map(results.flatMap(({ data }) => (data === undefined ? [] : [[data.id, data]]))),
      isPending: results.some((one) => one.isPending),
    }),
  });
  const jobOf = (run: Run): Job | undefined =>
    run.job_id === null ? undefined : jobs.byId.get(run.job_id);
  if (jobIds.length === 0) return null;
  if (jobs.isPending) return <Skeleton lines={4} />;
  const codes = groupBy(runs, baseline, (run) => jobOf(run)?.code ?? null);
  const environments = groupBy(runs, baseline, (run) => jobOf(run)?.environment ?? null);
  return (
    <>
      <Section title={t('compare.code')}>
        {codes.length === 0 ? (
          <p className="muted">{t('compare.code_none')}</p>
        ) : codes.length === 1 ? (
          <p className="muted">{t('compare.code_same', { count: codes[0]?.runs.length ?? 0 })}</p>
        ) : (
          <CodeDifferences project={project} groups={codes.slice(0, comparedMost)} />
        )}
      </Section>
      <Section title={t('compare.environment')}>
        {environments.length === 0 ? (
          <p className="muted">{t('compare.environment_none')}</p>
        ) : environments.length === 1 ? (
          <p className="muted">
            {t('compare.environment_same', { count: environments[0]?.runs.length ?? 0 })}
          </p>
        ) : (
          <PackageDifferences project={project} groups={environments.slice(0, comparedMost)} />
        )}
      </Section>
    </>
  );
}

function namesOf(runs: Run[]): string {
  const names = runs.slice(0, 5).map((run) => run.name);
  return names.join(', ') + (runs.length > names.length ? ` +${runs.length - names.length}` : '');
}

function CodeDifferences({ project, groups }: { project: string; groups: Origin[] }) {
  const { t } = useTranslation();
  const { lists, error } = useQueries({
    queries: groups.map(({ id }) => ({ ...codeFilesQuery(project, id), retry: false })),
    combine: (results) => ({
      lists: results.map((one): CodeFile[] | undefined => one.data),
      error: results.find((one) => one.error !== null)?.error ?? null,
    }),
  });
  const [first, ...others] = groups;
  const before = lists[0];
  if (error !== null) return <ErrorState error={error} />;
  if (first === undefined || before === undefined) return <Skeleton lines={4} />;
  return (
    <div className="stack">
      <p className="muted">
        {t('compare.code_baseline', { names: namesOf(first.runs) })} <CopyableId id={first.id} />
      </p>
      {others.map((group, index) => {
        const after = lists[index + 1];
        return after === undefined ? (
          <Skeleton key={group.id} lines={2} />
        ) : (
          <Changes
            key={group.id}
            project={project}
            before={first.id}
            group={group}
            files={differingFiles(before, after)}
          />
        );
      })}
    </div>
  );
}

interface ChangesProps {
  project: string;
  before: string;
  group: Origin;
  files: FileDifference[];
}

const signs = { added: '+', removed: '−', changed: '±' } as const;

function Changes({ project, before, group, files }: ChangesProps) {
  const { t } = useTranslation();
  return (
    <div>
      <p className="code-changes-head">
        <strong>{namesOf(group.runs)}</strong>{' '}
        <span className="muted">{t('compare.files_differ', { count: files.length })}</span>
      </p>
      <ul className="code-changes">
        {files.slice(0, 200).map((file) => (
          <FileChange
            key={file.path}
            project={project}
            before={before}
            after={group.id}
            file={file}
          />
        ))}
      </ul>
      {files.length > 200 && (
        <p className="muted">{t('runs.more', { count: files.length - 200 })}</p>
      )}
    </div>
  );
}

interface FileChangeProps {
  project: string;
  before: string;
  after: string;
  file: FileDifference;
}

function FileChange({ project, before, after, file }: FileChangeProps) {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(false);
  return (
    <li>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <span className={`change-sign ${file.change}`} aria-hidden="true">
            {signs[file.change]}
          </span>{' '}
          <code>{file.path}</code> <span className="muted">{t(`compare.file_${file.change}`)}</span>
        </summary>
        {isOpen && (
          <Suspense fallback={<Skeleton lines={4} />}>
            <TextDiff project={project} before={before} after={after} file={file} />
          </Suspense>
        )}
      </details>
    </li>
  );
}

function PackageDifferences({ project, groups }: { project: string; groups: Origin[] }) {
  const { t } = useTranslation();
  const { environments, error } = useQueries({
    queries: groups.map(({ id }) => ({ ...environmentQuery(project, id), retry: false })),
    combine: (results) => ({
      environments: results.map((one) => one.data),
      error: results.find((one) => one.error !== null)?.error ?? null,
    }),
  });
  const rows = useMemo(() => {
    if (environments.some((one) => one === undefined)) return undefined;
    return differingPackages(
      environments.map(
        (one) => new Map([['python', one?.python ?? ''], ...parsePackages(one?.lock ?? '')]),
      ),
    );
  }, [environments]);
  if (error !== null) return <ErrorState error={error} />;
  if (rows === undefined) return <Skeleton lines={4} />;
  if (rows.length === 0) return <p className="muted">{t('compare.packages_same')}</p>;
  return (
    // A scrolling region must be reachable by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="table-scroll" tabIndex={0} role="region" aria-label={t('compare.environment')}>
      <table className="plain-table compare-table" aria-label={t('compare.environment')}>
        <thead>
          <tr>
            <th scope="col">{t('compare.package')}</th>
            {groups.map((group, index) => (
              <th key={group.id} scope="col" title={group.runs.map((run) => run.name).join(', ')}>
                {environments[index]?.name ?? shortId(group.id)}
                <div className="muted compare-members">{namesOf(group.runs)}</div>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.name} className="differs">
              <th scope="row">{row.name}</th>
              {row.versions.map((version, index) => (
                <td key={groups[index]?.id}>{version ?? <span className="muted">–</span>}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
