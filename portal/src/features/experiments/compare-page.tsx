import { useQueries } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Suspense, lazy, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { isLiveRun, runQuery } from '../../api/queries';
import type { Run } from '../../api/types';
import { textToList } from '../../app/search';
import { PageHeader, Section } from '../../ui/layout';
import { EmptyState, ErrorState, Skeleton } from '../../ui/states';
import { ChartControls } from './chart-controls';
import { ChartGrid, type ChartRun } from './chart-grid';
import { CompareTable } from './compare-table';
import { ReportActions, ReportNotes } from './report-text';

const CompareOrigins = lazy(() => import('./compare-origins'));
const CompareArtifacts = lazy(() => import('./compare-artifacts'));
const route = '/signed-in/$project/compare';
function combineRuns(results: { data: Run | undefined; error: unknown }[]) {
  return {
    runs: results.map((result) => result.data).filter((run): run is Run => run !== undefined),
    errors: results.map((result) => result.error).filter((error) => error !== null),
    isPending: results.some((result) => result.data === undefined && result.error === null),
  };
}

export function ComparePage() {
  const { t } = useTranslation();
  const { project } = useParams({ from: route });
  const search = useSearch({ from: route });
  const navigate = useNavigate({ from: '/$project/compare' });
  const ids = textToList(search.runs);
  const { runs, errors, isPending } = useQueries({
    queries: ids.map((id) => runQuery(project, id)),
    combine: combineRuns,
  });
  const baseline = runs.find((run) => run.id === search.base);
  const [first] = runs;
  const isAllShown = search.all === '1';
  const chartRuns = useMemo(
    () => runs.map((run): ChartRun => ({ id: run.id, name: run.name, isLive: isLiveRun(run) })),
    [runs],
  );
  const metrics = useMemo(
    () => [...new Set(runs.flatMap((run) => Object.keys(run.metrics)))],
    [runs],
  );
  const [highlighted, setHighlighted] = useState<string | null>(null);
  const change = (next: Partial<typeof search>) =>
    void navigate({ search: (old) => ({ ...old, ...next }), replace: true });
  return (
    <div className="page">
      <PageHeader
        title={search.title ?? t('compare.title', { count: ids.length })}
        documentTitle={search.title ?? t('compare.title', { count: ids.length })}
        meta={search.title !== undefined && t('compare.title', { count: ids.length })}
        actions={
          ids.length > 1 && (
            <ReportActions title={search.title} notes={search.notes} onChange={change} />
          )
        }
        crumbs={
          <Link to="/$project/experiments" params={{ project }}>
            {t('nav.experiments')}
          </Link>
        }
      />
      {errors.map((error, index) => (
        <ErrorState key={index} error={error} />
      ))}
      {isPending ? (
        <Skeleton lines={8} />
      ) : runs.length < 2 ? (
        <EmptyState title={t('compare.empty')}>{t('compare.empty_text')}</EmptyState>
      ) : (
        <div className="stack">
          <ReportNotes notes={search.notes} />
          <CompareTable
            project={project}
            runs={runs}
            metrics={metrics}
            isAllShown={isAllShown}
            onAll={(all) => change({ all: all ? '1' : undefined })}
            baseline={baseline}
            onBaseline={(base) => change({ base })}
            onRemove={(id) => change({ runs: ids.filter((one) => one !== id).join(',') })}
          />
          <Section title={t('compare.charts')}>
            <ChartControls controls={search} onControls={change} />
            <ChartGrid
              project={project}
              runs={chartRuns}
              metrics={metrics}
              controls={search}
              highlighted={highlighted}
              onHighlight={setHighlighted}
            />
          </Section>
          <Suspense fallback={<Skeleton lines={4} />}>
            {first !== undefined && (
              <CompareOrigins project={project} runs={runs} baseline={baseline ?? first} />
            )}
          </Suspense>
          <Section title={t('runs.tab_artifacts')}>
            <Suspense fallback={<Skeleton lines={4} />}>
              <CompareArtifacts
                project={project}
                runs={runs}
                file={search.file}
                onFile={(file) => change({ file })}
              />
            </Suspense>
          </Section>
        </div>
      )}
    </div>
  );
}
