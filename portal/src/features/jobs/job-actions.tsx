import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { apiPath, createHeaders, request } from '../../api/client';
import { jobQuery } from '../../api/queries';
import type { Job, JobState } from '../../api/types';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { ErrorState } from '../../ui/states';
import { showError, showToast } from '../../ui/toast';

export function isActive(state: JobState): boolean {
  return state === 'queued' || state === 'starting' || state === 'running' || state === 'preempted';
}

export function useJobActions(project: string) {
  const { t } = useTranslation();
  const queryClient = useQueryClient();
  const navigate = useNavigate();

  const retry = useMutation({
    mutationFn: (job: Job) =>
      request<Job>('POST', apiPath('projects', project, 'jobs', job.id, 'retry'), {
        body: {},
        headers: createHeaders(),
      }),
    onSuccess: async (job) => {
      queryClient.setQueryData(jobQuery(project, job.id).queryKey, job);
      await queryClient.invalidateQueries({ queryKey: ['jobs', project], refetchType: 'none' });
      await navigate({ to: '/$project/jobs/$jobId', params: { project, jobId: job.id } });
      showToast(t('jobs.retried', { name: job.name }));
    },
    onError: showError,
  });

  const stop = useMutation({
    mutationFn: (job: Job) =>
      request<Job>('POST', apiPath('projects', project, 'jobs', job.id, 'stop'), { body: {} }),
    onSuccess: (job) => {
      queryClient.setQueryData(jobQuery(project, job.id).queryKey, job);
      void queryClient.invalidateQueries({ queryKey: ['jobs', project] });
      showToast(t('jobs.stopping', { name: job.name, seconds: job.stop_grace_s }), {
        label: t('jobs.run_again'),
        run: () => retry.mutate(job),
      });
    },
    onError: showError,
  });

  return { stop, retry };
}

export function JobActions({ job }: { job: Job }) {
  const { t } = useTranslation();
  const { stop, retry } = useJobActions(job.project);
  // An endpoint's replica is stopped by deleting the endpoint; anything else would start it again.
  if (job.kind === 'endpoint_replica') return null;
  if (isActive(job.state)) {
    return (
      <Button
        icon="stop"
        look="danger"
        busy={stop.isPending}
        title={t('jobs.stop_hint', { seconds: job.stop_grace_s })}
        onClick={() => stop.mutate(job)}
      >
        {t('action.stop')}
      </Button>
    );
  }
  if (job.kind !== 'job') return null;
  return (
    <>
      <Button
        icon="retry"
        busy={retry.isPending}
        title={t('jobs.retry_hint')}
        onClick={() => retry.mutate(job)}
      >
        {t('action.retry')}
      </Button>
      <DeleteJob job={job} />
    </>
  );
}

function DeleteJob({ job }: { job: Job }) {
  const { t } = useTranslation();
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const [isOpen, setOpen] = useState(false);
  const remove = useMutation({
    mutationFn: () => request('DELETE', apiPath('projects', job.project, 'jobs', job.id)),
    onSuccess: async () => {
      setOpen(false);
      await navigate({ to: '/$project/jobs', params: { project: job.project } });
      await queryClient.invalidateQueries({ queryKey: ['jobs', job.project] });
      showToast(t('jobs.deleted', { name: job.name }));
    },
  });
  return (
    <>
      <Button look="quiet" icon="trash" onClick={() => setOpen(true)}>
        {t('action.delete')}
      </Button>
      <Dialog
        open={isOpen}
        onOpenChange={setOpen}
        title={t('jobs.delete_title', { name: job.name })}
        description={t('jobs.delete_text')}
      >
        {remove.error !== null && <ErrorState error={remove.error} />}
        <div className="form-actions">
          <Button onClick={() => setOpen(false)}>{t('action.cancel')}</Button>
          <Button look="danger" busy={remove.isPending} onClick={() => remove.mutate()}>
            {t('action.delete')}
          </Button>
        </div>
      </Dialog>
    </>
  );
}
