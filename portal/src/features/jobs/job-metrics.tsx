import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { isLiveRun, runQuery } from '../../api/queries';
import type { Job } from '../../api/types';
import { ErrorState, Skeleton } from '../../ui/states';
import { ChartGrid } from '../experiments/chart-grid';

const noControls = {};

export default function JobMetrics({ job }: { job: Job }) {
  const { t } = useTranslation();
  const {
    data: run,
    error,
    refetch,
  } = useQuery({
    ...runQuery(job.project, job.run_id ?? ''),
    enabled: job.run_id !== null,
  });
  const isLive = run !== undefined && isLiveRun(run);
  const runs = useMemo(
    () => (run === undefined ? [] : [{ id: run.id, name: run.name, isLive }]),
    // A run that goes on is read again and again; its charts need no more than this of it.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [run?.id, run?.name, isLive],
  );
  if (run === undefined) {
    return error === null ? (
      <Skeleton lines={3} height={160} />
    ) : (
      <ErrorState error={error} retry={() => void refetch()} />
    );
  }
  return (
    <div className="stack">
      <p>
        <Link to="/$project/runs/$runId" params={{ project: job.project, runId: run.id }}>
          {t('jobs.open_run', { name: run.name })}
        </Link>
      </p>
      <ChartGrid
        project={job.project}
        runs={runs}
        metrics={Object.keys(run.metrics)}
        controls={noControls}
      />
    </div>
  );
}
