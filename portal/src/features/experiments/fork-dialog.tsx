import { keepPreviousData, useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { jobQuery } from '../../api/queries';
import { forkPreviewQuery, forkRun } from '../../api/reproduction';
import type { Job, Run } from '../../api/types';
import { formatCommand } from '../../i18n/format';
import { Button, IconButton } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { TextField } from '../../ui/field';
import { ErrorState, Skeleton } from '../../ui/states';
import { ResourceText } from '../jobs/job-parts';
import { changedParameters, forkParameters, type ForkParameter } from './fork';
import './reproduction.css';

const previewAfterMs = 250;

interface ForkDialogProps {
  project: string;
  run: Run;
  job: string;
  onClose: () => void;
}

export function ForkDialog({ project, run, job: jobId, onClose }: ForkDialogProps) {
  const { t } = useTranslation();
  const { data: job, error } = useQuery(jobQuery(project, jobId));
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={t('reproduction.fork_title', { name: run.name })}
      description={t('reproduction.fork_text')}
    >
      {job !== undefined ? (
        <ForkForm project={project} run={run} job={job} onClose={onClose} />
      ) : error === null ? (
        <Skeleton lines={6} />
      ) : (
        <ErrorState error={error} />
      )}
    </Dialog>
  );
}

function useSettled<Value>(value: Value): Value {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), previewAfterMs);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

interface ForkFormProps {
  project: string;
  run: Run;
  job: Job;
  onClose: () => void;
}

function ForkForm({ project, run, job, onClose }: ForkFormProps) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [parameters, setParameters] = useState<ForkParameter[]>(() => forkParameters(job, run));
  const [name, setName] = useState(job.name);
  const fork = {
    parameters: changedParameters(parameters),
    ...(name.trim() === '' || name.trim() === job.name ? {} : { name: name.trim() }),
  };
  const settled = useSettled(JSON.stringify(fork));
  const preview = useQuery({
    ...forkPreviewQuery(project, run.id, JSON.parse(settled) as typeof fork),
    placeholderData: keepPreviousData,
  });
  const start = useMutation({
    mutationFn: () => forkRun(project, run.id, fork),
    onSuccess: async (made) => {
      onClose();
      if (made.run_id === null)
        await navigate({ to: '/$project/jobs/$jobId', params: { project, jobId: made.id } });
      else
        await navigate({
          to: '/$project/runs/$runId',
          params: { project, runId: made.run_id },
          search: {},
        });
    },
  });
  const change = (index: number, next: Partial<ForkParameter>) =>
    setParameters(parameters.map((one, at) => (at === index ? { ...one, ...next } : one)));
  const problem = start.error ?? preview.error;
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault();
        start.mutate();
      }}
    >
      <TextField
        label={t('reproduction.fork_name')}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <fieldset className="fork-parameters">
        <legend>{t('runs.parameters')}</legend>
        {parameters.length === 0 && <p className="muted">{t('reproduction.fork_none')}</p>}
        {parameters.map((one, index) => (
          <div key={index} className="fork-parameter">
            {one.old === null ? (
              <input
                className="input small mono"
                aria-label={t('reproduction.parameter_name')}
                placeholder={t('reproduction.parameter_name')}
                spellCheck={false}
                value={one.name}
                onChange={(event) => change(index, { name: event.target.value })}
              />
            ) : (
              <span className="cut mono" title={one.name}>
                {one.name}
              </span>
            )}
            <input
              className={`input small mono${one.old !== null && one.value !== one.old ? ' changed' : ''}`}
              aria-label={
                one.name === ''
                  ? t('runs.value')
                  : t('reproduction.parameter_value', { name: one.name })
              }
              spellCheck={false}
              value={one.value}
              onChange={(event) => change(index, { value: event.target.value })}
            />
            {one.old === null ? (
              <IconButton
                icon="close"
                label={t('action.remove')}
                onClick={() => setParameters(parameters.filter((_, at) => at !== index))}
              />
            ) : (
              <IconButton
                icon="undo"
                label={t('reproduction.parameter_reset', { name: one.name })}
                disabled={one.value === one.old}
                onClick={() => change(index, { value: one.old ?? '' })}
              />
            )}
          </div>
        ))}
        <Button
          look="quiet"
          icon="plus"
          onClick={() => setParameters([...parameters, { name: '', old: null, value: '' }])}
        >
          {t('reproduction.parameter_add')}
        </Button>
      </fieldset>
      <div>
        <p className="fork-preview-title">{t('reproduction.preview')}</p>
        <Preview before={job} after={preview.data ?? job} />
      </div>
      {problem !== null && <ErrorState error={problem} />}
      <div className="form-actions">
        <Button onClick={onClose}>{t('action.cancel')}</Button>
        <Button
          type="submit"
          look="primary"
          icon="fork"
          busy={start.isPending}
          disabled={preview.error !== null}
        >
          {t('reproduction.fork_start')}
        </Button>
      </div>
    </form>
  );
}

/** The command as it would run, its changed words marked, and what it costs. */
function Preview({ before, after }: { before: Job; after: Job }) {
  const { t } = useTranslation();
  const given = Object.entries(after.parameters);
  return (
    <div className="fork-preview" aria-live="polite">
      <pre>
        {after.command.map((word, index) => (
          <span key={index}>
            {index > 0 && ' '}
            {word === before.command[index] ? (
              formatCommand([word])
            ) : (
              <mark>{formatCommand([word])}</mark>
            )}
          </span>
        ))}
        {given.length > 0 && (
          <>
            {'\n'}
            <span className="muted">MARU_PARAMETERS</span>{' '}
            {JSON.stringify(Object.fromEntries(given))}
          </>
        )}
      </pre>
      <p className="muted">
        {t('reproduction.preview_cost')} <ResourceText resources={after.resources} />
      </p>
    </div>
  );
}
