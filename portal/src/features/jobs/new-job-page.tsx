import { useMutation, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { apiPath, createHeaders, request } from '../../api/client';
import { ApiError } from '../../api/errors';
import { environmentsQuery, statusQuery } from '../../api/queries';
import type { Job, NewJob } from '../../api/types';
import { formatCpu, formatMebibytes, shortId, splitCommand } from '../../i18n/format';
import { Button } from '../../ui/button';
import { SelectField, TextAreaField, TextField } from '../../ui/field';
import { PageHeader } from '../../ui/layout';
import { ErrorState } from '../../ui/states';
import { parsePairs } from './pairs';

export function NewJobPage() {
  const { t } = useTranslation();
  const { project } = useParams({ from: '/signed-in/$project/jobs/new' });
  const navigate = useNavigate();
  const { data: environments } = useQuery(environmentsQuery(project));
  const { data: status } = useQuery(statusQuery);
  const [name, setName] = useState('');
  const [command, setCommand] = useState('');
  const [environment, setEnvironment] = useState('');
  const [experiment, setExperiment] = useState('');
  const [cpus, setCpus] = useState('1');
  const [memoryGib, setMemoryGib] = useState('1');
  const [gpus, setGpus] = useState('0');
  const [parameters, setParameters] = useState('');
  const [variables, setVariables] = useState('');

  const words = splitCommand(command);
  const create = useMutation({
    mutationFn: () => {
      const job: NewJob = {
        command: words ?? [],
        resources: {
          cpu_milli: Math.round(Number(cpus) * 1000),
          memory_mib: Math.round(Number(memoryGib) * 1024),
          gpus: Number(gpus),
        },
        parameters: parsePairs(parameters),
        variables: parsePairs(variables),
      };
      if (name.trim() !== '') job.name = name.trim();
      if (environment !== '') job.environment = environment;
      if (experiment.trim() !== '') job.experiment = experiment.trim();
      return request<Job>('POST', apiPath('projects', project, 'jobs'), {
        body: job,
        headers: createHeaders(),
      });
    },
    onSuccess: (job) =>
      navigate({ to: '/$project/jobs/$jobId', params: { project, jobId: job.id } }),
  });
  const problem = (field: string) =>
    create.error instanceof ApiError ? create.error.detailFor(field) : undefined;
  const free = status?.nodes.map((node) =>
    t('jobs.free_on', {
      node: node.name,
      cpus: formatCpu(node.cpu_free_milli),
      memory: formatMebibytes(node.memory_free_mib),
      gpus: node.gpus_free,
    }),
  );

  return (
    <div className="page">
      <PageHeader
        title={t('jobs.new')}
        documentTitle={t('jobs.new')}
        crumbs={
          <Link to="/$project/jobs" params={{ project }}>
            {t('nav.jobs')}
          </Link>
        }
      />
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          create.mutate();
        }}
      >
        <TextAreaField
          label={t('jobs.command')}
          className="mono"
          required
          rows={3}
          spellCheck={false}
          placeholder={`python3 -c 'print("hello")'`}
          hint={t('jobs.command_hint')}
          value={command}
          onChange={(event) => setCommand(event.target.value)}
          problem={words === null ? t('jobs.command_quote') : problem('command')}
        />
        <TextField
          label={t('jobs.name_optional')}
          value={name}
          onChange={(event) => setName(event.target.value)}
          problem={problem('name')}
        />
        <SelectField
          label={t('jobs.environment')}
          value={environment}
          onChange={(event) => setEnvironment(event.target.value)}
          problem={problem('environment')}
        >
          <option value="">{t('jobs.environment_system')}</option>
          {environments?.items
            .filter((one) => one.state !== 'failed')
            .map((one) => (
              <option key={one.id} value={one.name ?? one.id}>
                {one.name ?? shortId(one.id)}
              </option>
            ))}
        </SelectField>
        <div className="form-row">
          <TextField
            label="CPU"
            type="number"
            min="0.1"
            step="0.1"
            required
            value={cpus}
            onChange={(event) => setCpus(event.target.value)}
            problem={problem('resources.cpu_milli')}
          />
          <TextField
            label={t('jobs.memory_gib')}
            type="number"
            min="0.1"
            step="0.1"
            required
            value={memoryGib}
            onChange={(event) => setMemoryGib(event.target.value)}
            problem={problem('resources.memory_mib')}
          />
          <TextField
            label="GPU"
            type="number"
            min="0"
            step="1"
            required
            value={gpus}
            onChange={(event) => setGpus(event.target.value)}
            problem={problem('resources.gpus')}
          />
        </div>
        {free !== undefined && (
          <ul className="field-hint">
            {free.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        )}
        <TextField
          label={t('jobs.experiment_optional')}
          hint={t('jobs.experiment_hint')}
          value={experiment}
          onChange={(event) => setExperiment(event.target.value)}
          problem={problem('experiment')}
        />
        <div className="form-row">
          <TextAreaField
            label={t('jobs.parameters')}
            className="mono"
            spellCheck={false}
            placeholder={'learning_rate=0.01\nepochs=10'}
            hint={t('jobs.pairs_hint')}
            value={parameters}
            onChange={(event) => setParameters(event.target.value)}
            problem={problem('parameters')}
          />
          <TextAreaField
            label={t('jobs.variables')}
            className="mono"
            spellCheck={false}
            placeholder="PYTHONUNBUFFERED=1"
            hint={t('jobs.pairs_hint')}
            value={variables}
            onChange={(event) => setVariables(event.target.value)}
            problem={problem('variables')}
          />
        </div>
        {create.error !== null && <ErrorState error={create.error} />}
        <div className="form-actions">
          <Button
            type="submit"
            look="primary"
            busy={create.isPending}
            disabled={words === null || words.length === 0}
          >
            {t('jobs.submit')}
          </Button>
        </div>
      </form>
    </div>
  );
}
