import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Suspense, lazy, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { apiPath, request } from '../../api/client';
import { useHasRole, useIsGuest } from '../../api/permissions';
import {
  approvalRulesQuery,
  modelQuery,
  modelVersionsQuery,
  openRequestsQuery,
} from '../../api/queries';
import type { ModelTab } from '../../app/router';
import type { Model, ModelVersion } from '../../api/types';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { PageHeader, Section } from '../../ui/layout';
import { StateBadge } from '../../ui/state-badge';
import { EmptyState, ErrorState, Skeleton } from '../../ui/states';
import { RelativeTime } from '../../ui/time';
import { Tabs } from '../../ui/tabs';
import { showToast } from '../../ui/toast';
import { DeployDialog } from '../endpoints/deploy-dialog';
import { CardView } from './card';
import { History } from './history';
import './models.css';
import { OpenRequests } from './requests';
import { VersionDetail } from './version-detail';

const Permissions = lazy(() => import('../identity/permissions'));
const route = '/signed-in/$project/models/$model';

export function ModelPage() {
  const { t } = useTranslation();
  const { project, model: name } = useParams({ from: route });
  const model = useQuery(modelQuery(project, name));
  const versions = useQuery(modelVersionsQuery(project, name));
  // They stand above all else: the page waits for them, so that nothing moves when they come.
  const requests = useQuery(openRequestsQuery(project, name));
  const rules = useQuery(approvalRulesQuery(project));
  const [deployed, setDeployed] = useState<string | null>(null);
  const isGuest = useIsGuest(project);
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
              {!isGuest && (
                <Button
                  look="primary"
                  icon="deploy"
                  onClick={() => setDeployed(`${name}/${newest.version}`)}
                >
                  {t('models.deploy_version', { version: newest.version })}
                </Button>
              )}
            </>
          )
        }
      />
      {model.data === undefined ||
      versions.data === undefined ||
      requests.isPending ||
      rules.isPending ? (
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
  const { tab: wanted = 'versions' } = useSearch({ from: route });
  const isOwner = useHasRole(project, 'owner');
  const tab = wanted === 'permissions' && !isOwner ? 'versions' : wanted;
  const navigate = useNavigate({ from: '/$project/models/$model' });
  return (
    <div className="stack">
      {model.description !== '' && <p className="note">{model.description}</p>}
      <OpenRequests project={project} model={model.name} />
      <Tabs<ModelTab>
        label={t('models.tabs')}
        current={tab}
        onChange={(next) =>
          void navigate({
            search: (before) => ({ ...before, tab: next === 'versions' ? undefined : next }),
            replace: true,
          })
        }
        tabs={[
          {
            name: 'versions',
            label: t('models.versions'),
            content: () => (
              <Versions project={project} model={model} versions={versions} onDeploy={onDeploy} />
            ),
          },
          {
            name: 'card',
            label: t('models.card'),
            content: () => <CardView project={project} model={model.name} version={null} />,
          },
          {
            name: 'history',
            label: t('models.history'),
            content: () => <History project={project} model={model.name} version={null} />,
          },
          ...(isOwner
            ? [
                {
                  name: 'permissions' as const,
                  label: t('permissions.title'),
                  content: () => (
                    <Suspense fallback={<Skeleton lines={6} />}>
                      <Permissions
                        project={project}
                        kind="registered_model"
                        resource={model.name}
                        name={model.name}
                      />
                    </Suspense>
                  ),
                },
              ]
            : []),
        ]}
      />
    </div>
  );
}

function Versions({ project, model, versions, onDeploy }: LoadedModelProps) {
  const { t } = useTranslation();
  const { version: wanted, view } = useSearch({ from: route });
  const sorted = [...versions].sort((left, right) => right.version - left.version);
  const shown = sorted.find((one) => String(one.version) === wanted) ?? sorted[0];
  if (shown === undefined) return <EmptyState title={t('models.no_versions')} />;
  return (
    <div className="model-columns">
      <Section title={t('models.versions')}>
        <ul className="version-list">
          {sorted.map((version) => (
            <li key={version.version}>
              <Link
                to="/$project/models/$model"
                params={{ project, model: model.name }}
                search={{ version: String(version.version), view }}
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
                  {version.stage !== 'None' && <span className="chip">{version.stage}</span>}
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
  );
}
