import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { apiPath, request } from '../../api/client';
import { modelQuery, modelVersionsQuery } from '../../api/queries';
import type { Model, ModelVersion } from '../../api/types';
import { formatBytes, shortId } from '../../i18n/format';
import { Button, IconButton } from '../../ui/button';
import { CodeBlock, CopyableId } from '../../ui/copy';
import { Dialog } from '../../ui/dialog';
import { TextField } from '../../ui/field';
import { Definitions, PageHeader, Section } from '../../ui/layout';
import { StateBadge } from '../../ui/state-badge';
import { EmptyState, ErrorState, Skeleton } from '../../ui/states';
import { RelativeTime } from '../../ui/time';
import { showError, showToast } from '../../ui/toast';
import { DeployDialog } from '../endpoints/deploy-dialog';

const route = '/signed-in/$project/models/$model';

export function ModelPage() {
  const { t } = useTranslation();
  const { project, model: name } = useParams({ from: route });
  const model = useQuery(modelQuery(project, name));
  const versions = useQuery(modelVersionsQuery(project, name));
  const [deployed, setDeployed] = useState<string | null>(null);
  const newest = versions.data?.items.reduce<ModelVersion | undefined>(
    (best, one) => (best === undefined || one.version > best.version ? one : best),
    undefined,
  );
  const error = model.error ?? versions.error;
  return (
    <div className="page">
      <PageHeader
        title={name}
        documentTitle={name}
        crumbs={
          <Link to="/$project/models" params={{ project }}>
            {t('nav.models')}
          </Link>
        }
        meta={
          model.data !== undefined && (
            <>
              <span>{t('models.version_count', { count: versions.data?.items.length ?? 0 })}</span>
              <RelativeTime at={model.data.updated_at} />
            </>
          )
        }
        actions={
          newest !== undefined && (
            <>
              <DeleteModel project={project} name={name} />
              <Button
                look="primary"
                icon="deploy"
                onClick={() => setDeployed(`${name}/${newest.version}`)}
              >
                {t('models.deploy_version', { version: newest.version })}
              </Button>
            </>
          )
        }
      />
      {model.data === undefined || versions.data === undefined ? (
        error === null ? (
          <Skeleton lines={8} />
        ) : (
          <ErrorState
            error={error}
            retry={() => {
              void model.refetch();
              void versions.refetch();
            }}
          />
        )
      ) : (
        <LoadedModel
          project={project}
          model={model.data}
          versions={versions.data.items}
          onDeploy={setDeployed}
        />
      )}
      {deployed !== null && (
        <DeployDialog project={project} model={deployed} onClose={() => setDeployed(null)} />
      )}
    </div>
  );
}

function DeleteModel({ project, name }: { project: string; name: string }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const [isOpen, setOpen] = useState(false);
  const remove = useMutation({
    mutationFn: () => request('DELETE', apiPath('projects', project, 'models', name)),
    onSuccess: async () => {
      await navigate({ to: '/$project/models', params: { project } });
      queryClient.removeQueries({ queryKey: ['models', project, 'one', name] });
      await queryClient.invalidateQueries({ queryKey: ['models', project] });
      showToast(t('models.deleted', { name }));
    },
  });
  return (
    <>
      <Button look="danger" icon="trash" onClick={() => setOpen(true)}>
        {t('action.delete')}
      </Button>
      <Dialog
        open={isOpen}
        onOpenChange={setOpen}
        title={t('models.delete_title', { name })}
        description={t('models.delete_text')}
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

interface LoadedModelProps {
  project: string;
  model: Model;
  versions: ModelVersion[];
  onDeploy: (model: string) => void;
}

function LoadedModel({ project, model, versions, onDeploy }: LoadedModelProps) {
  const { t } = useTranslation();
  const { version: wanted } = useSearch({ from: route });
  const sorted = [...versions].sort((left, right) => right.version - left.version);
  const shown = sorted.find((one) => String(one.version) === wanted) ?? sorted[0];
  if (shown === undefined) return <EmptyState title={t('models.no_versions')} />;
  return (
    <div className="stack">
      {model.description !== '' && <p className="note">{model.description}</p>}
      <div className="model-columns">
        <Section title={t('models.versions')}>
          <ul className="version-list">
            {sorted.map((version) => (
              <li key={version.version}>
                <Link
                  to="/$project/models/$model"
                  params={{ project, model: model.name }}
                  search={{ version: String(version.version) }}
                  className="version-link"
                  aria-current={version.version === shown.version ? 'true' : undefined}
                  replace
                >
                  <span className="version-number">{version.version}</span>
                  <StateBadge state={version.state} iconOnly />
                  <span className="row tight grow">
                    {version.aliases.map((alias) => (
                      <span key={alias} className="chip strong">
                        @{alias}
                      </span>
                    ))}
                  </span>
                  <span className="muted">
                    <RelativeTime at={version.created_at} />
                  </span>
                </Link>
              </li>
            ))}
          </ul>
        </Section>
        <VersionDetail key={shown.version} project={project} version={shown} onDeploy={onDeploy} />
      </div>
    </div>
  );
}

interface VersionDetailProps {
  project: string;
  version: ModelVersion;
  onDeploy: (model: string) => void;
}

function VersionDetail({ project, version, onDeploy }: VersionDetailProps) {
  const { t } = useTranslation();
  return (
    <Section
      title={t('models.version_title', { version: version.version })}
      actions={
        <Button icon="deploy" onClick={() => onDeploy(`${version.model}/${version.version}`)}>
          {t('action.deploy')}
        </Button>
      }
    >
      <Aliases project={project} version={version} />
      {version.description !== '' && <p className="note">{version.description}</p>}
      <Definitions
        rows={[
          [t('jobs.state'), <StateBadge key="state" state={version.state} />],
          [
            t('models.run'),
            version.run_id === null ? (
              '–'
            ) : (
              <Link
                className="link"
                to="/$project/runs/$runId"
                params={{ project, runId: version.run_id }}
              >
                {shortId(version.run_id)}
              </Link>
            ),
          ],
          [t('models.flavors'), version.flavors.join(', ') || '–'],
          [t('models.size'), version.size_bytes === null ? '–' : formatBytes(version.size_bytes)],
          [t('common.created'), <RelativeTime key="created" at={version.created_at} />],
          [t('models.source'), <CopyableId key="source" id={version.source} full />],
          ...Object.entries(version.tags).map(([key, value]): [string, string] => [key, value]),
        ]}
      />
      <CodeBlock
        label="Python"
        code={`import mlflow\n\nmlflow.set_tracking_uri("${window.location.origin}/p/${project}")\nmodel = mlflow.pyfunc.load_model("models:/${version.model}/${version.version}")`}
      />
    </Section>
  );
}

function Aliases({ project, version }: { project: string; version: ModelVersion }) {
  const { t } = useTranslation();
  const queryClient = useQueryClient();
  const [isAdding, setAdding] = useState(false);
  const [alias, setAlias] = useState('');
  const path = (name: string) =>
    apiPath('projects', project, 'models', version.model, 'aliases', name);
  const refresh = () => queryClient.invalidateQueries({ queryKey: ['models', project] });
  const set = useMutation({
    mutationFn: (name: string) =>
      request('PUT', path(name), { body: { version: version.version } }),
    onSuccess: async (_, name) => {
      setAdding(false);
      setAlias('');
      await refresh();
      showToast(t('models.alias_set', { alias: name, version: version.version }));
    },
  });
  const remove = useMutation({
    mutationFn: (name: string) => request('DELETE', path(name)),
    onSuccess: async (_, name) => {
      await refresh();
      showToast(t('models.alias_removed', { alias: name }), {
        label: t('action.undo'),
        run: () => set.mutate(name),
      });
    },
    onError: showError,
  });
  return (
    <div className="row">
      {version.aliases.map((name) => (
        <span key={name} className="chip strong">
          @{name}
          <IconButton
            icon="close"
            className="chip-remove"
            label={t('models.alias_remove', { alias: name })}
            onClick={() => remove.mutate(name)}
          />
        </span>
      ))}
      <Button look="quiet" icon="plus" onClick={() => setAdding(true)}>
        {t('models.alias_add')}
      </Button>
      <Dialog
        open={isAdding}
        onOpenChange={setAdding}
        title={t('models.alias_add')}
        description={t('models.alias_text', { version: version.version })}
      >
        <form
          className="form"
          onSubmit={(event) => {
            event.preventDefault();
            set.mutate(alias.trim());
          }}
        >
          <TextField
            label={t('models.alias')}
            required
            placeholder="champion"
            value={alias}
            onChange={(event) => setAlias(event.target.value)}
          />
          {set.error !== null && <ErrorState error={set.error} />}
          <div className="form-actions">
            <Button type="submit" look="primary" busy={set.isPending}>
              {t('models.alias_submit', { version: version.version })}
            </Button>
          </div>
        </form>
      </Dialog>
    </div>
  );
}
