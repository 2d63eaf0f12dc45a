import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { apiPath, request } from '../../api/client';
import { useHasRole } from '../../api/permissions';
import { reproduceRun } from '../../api/reproduction';
import type { Job, Run } from '../../api/types';
import { Button } from '../../ui/button';
import { showError, showToast } from '../../ui/toast';
import { ForkDialog } from './fork-dialog';

/** The run made once more, changed or not; only for runs of jobs, and people who may start jobs. */
export function RunActions({ project, run }: { project: string; run: Run }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const [isForking, setForking] = useState(false);
  const mayRun = useHasRole(project, 'developer');
  const stop = useMutation({
    mutationFn: (job: Job) =>
      request('POST', apiPath('projects', project, 'jobs', job.id, 'stop'), { body: {} }),
    onError: showError,
  });
  const reproduce = useMutation({
    mutationFn: () => reproduceRun(project, run.id),
    onSuccess: async (job) => {
      void queryClient.invalidateQueries({ queryKey: ['runs', project, 'naming'] });
      showToast(t('reproduction.started', { name: run.name }), {
        label: t('action.stop'),
        run: () => stop.mutate(job),
      });
      if (job.run_id !== null)
        await navigate({
          to: '/$project/runs/$runId',
          params: { project, runId: job.run_id },
          search: { tab: 'reproduction' },
        });
    },
    onError: showError,
  });
  if (run.job_id === null || !mayRun) return null;
  return (
    <>
      <Button icon="fork" title={t('reproduction.fork_hint')} onClick={() => setForking(true)}>
        {t('reproduction.fork')}
      </Button>
      <Button
        icon="retry"
        title={t('reproduction.reproduce_hint')}
        busy={reproduce.isPending}
        onClick={() => reproduce.mutate()}
      >
        {t('reproduction.reproduce')}
      </Button>
      {isForking && (
        <ForkDialog
          project={project}
          run={run}
          job={run.job_id}
          onClose={() => setForking(false)}
        />
      )}
    </>
  );
}
