import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { apiPath, createHeaders, request } from '../../api/client';
import { ApiError } from '../../api/errors';
import { endpointsQuery } from '../../api/queries';
import type { Endpoint, NewEndpoint } from '../../api/types';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { TextField } from '../../ui/field';
import { ErrorState } from '../../ui/states';

interface DeployDialogProps {
  project: string;
  /** `NAME/VERSION` or `NAME@ALIAS`. */
  model: string;
  onClose: () => void;
}

function suggestedName(model: string): string {
  return model
    .replace(/[/@].*$/, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '');
}

export function DeployDialog({ project, model, onClose }: DeployDialogProps) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const { data: endpoints } = useQuery(endpointsQuery(project));
  const [name, setName] = useState(() => suggestedName(model));
  const [cpus, setCpus] = useState('1');
  const [memoryGib, setMemoryGib] = useState('1');
  const [gpus, setGpus] = useState('0');
  const [replicas, setReplicas] = useState('1');
  const deploy = useMutation({
    mutationFn: () => {
      const body: NewEndpoint = {
        name: name.trim(),
        model,
        resources: {
          cpu_milli: Math.round(Number(cpus) * 1000),
          memory_mib: Math.round(Number(memoryGib) * 1024),
          gpus: Number(gpus),
        },
        replicas: Number(replicas),
      };
      return request<Endpoint>('POST', apiPath('projects', project, 'endpoints'), {
        body,
        headers: createHeaders(),
      });
    },
    onSuccess: async (endpoint) => {
      await queryClient.invalidateQueries({ queryKey: ['endpoints', project] });
      await navigate({
        to: '/$project/endpoints/$endpoint',
        params: { project, endpoint: endpoint.name },
      });
    },
  });
  const problem = (field: string) =>
    deploy.error instanceof ApiError ? deploy.error.detailFor(field) : undefined;
  const replaced = endpoints?.items.find((one) => one.name === name.trim());
  return (
    <Dialog
      open
      onOpenChange={(isOpen) => !isOpen && onClose()}
      title={t('endpoints.deploy_title', { model })}
    >
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          deploy.mutate();
        }}
      >
        <TextField
          label={t('endpoints.name')}
          required
          spellCheck={false}
          value={name}
          onChange={(event) => setName(event.target.value)}
          problem={problem('name')}
          hint={
            replaced === undefined
              ? t('endpoints.name_hint', { url: `/p/${project}/endpoints/${name.trim()}` })
              : t('endpoints.replaces', {
                  variants: replaced.variants
                    .map((variant) => `${variant.model}/${variant.version}`)
                    .join(', '),
                })
          }
        />
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
            required
            value={gpus}
            onChange={(event) => setGpus(event.target.value)}
            problem={problem('resources.gpus')}
          />
          <TextField
            label={t('endpoints.replicas')}
            type="number"
            min="1"
            required
            value={replicas}
            onChange={(event) => setReplicas(event.target.value)}
            problem={problem('replicas')}
          />
        </div>
        {deploy.error !== null && <ErrorState error={deploy.error} />}
        <div className="form-actions">
          <Button onClick={onClose}>{t('action.cancel')}</Button>
          <Button type="submit" look="primary" icon="deploy" busy={deploy.isPending}>
            {replaced === undefined ? t('action.deploy') : t('endpoints.replace')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
