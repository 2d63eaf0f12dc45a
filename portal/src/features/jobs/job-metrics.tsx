import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { runQuery } from '../../api/queries';
import type { Job } from '../../api/types';
import { ErrorState, Skeleton } from '../../ui/states';
import { RunCharts } from '../experiments/run-charts';

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
      <RunCharts project={job.project} runs={[run]} controls={{ axis: 'step' }} />
    </div>
  );
}
