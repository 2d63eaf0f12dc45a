import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { apiPath, request } from '../../api/client';
import { ApiError } from '../../api/errors';
import { useIsGuest } from '../../api/permissions';
import { openRequestsQuery } from '../../api/queries';
import type { ModelVersion } from '../../api/types';
import type { VersionTab } from '../../app/router';
import { formatBytes, shortId } from '../../i18n/format';
import { Button, IconButton } from '../../ui/button';
import { CodeBlock, CopyableId } from '../../ui/copy';
import { Dialog } from '../../ui/dialog';
import { TextField } from '../../ui/field';
import { Definitions, Section } from '../../ui/layout';
import { StateBadge } from '../../ui/state-badge';
import { ErrorState } from '../../ui/states';
import { Tabs } from '../../ui/tabs';
import { RelativeTime } from '../../ui/time';
import { showError, showToast } from '../../ui/toast';
import { CardView } from './card';
import { Contents } from './contents';
import { History } from './history';
import { LineageView } from './lineage';
import { RuleNote } from './requests';

const route = '/signed-in/$project/models/$model';

interface VersionDetailProps {
  project: string;
  version: ModelVersion;
  onDeploy: (model: string) => void;
}

export function VersionDetail({ project, version, onDeploy }: VersionDetailProps) {
  const { t } = useTranslation();
  const { view = 'overview' } = useSearch({ from: route });
  const navigate = useNavigate({ from: '/$project/models/$model' });
  const { model, version: number } = version;
  const isGuest = useIsGuest(project);
  return (
    <Section
      title={t('models.version_title', { version: number })}
      actions={
        !isGuest && (
          <Button icon="deploy" onClick={() => onDeploy(`${model}/${number}`)}>
            {t('action.deploy')}
          </Button>
        )
      }
    >
      <Aliases project={project} version={version} />
      <RuleNote project={project} model={model} />
      <Tabs<VersionTab>
        label={t('models.version_tabs')}
        current={view}
        onChange={(next) =>
          void navigate({
            search: (before) => ({
              ...before,
              version: String(number),
              view: next === 'overview' ? undefined : next,
            }),
            replace: true,
          })
        }
        tabs={[
          {
            name: 'overview',
            label: t('models.overview'),
            content: () => <Overview project={project} version={version} />,
          },
          {
            name: 'card',
            label: t('models.card'),
            content: () => <CardView project={project} model={model} version={number} />,
          },
          {
            name: 'contents',
            label: t('models.contents'),
            content: () => <Contents project={project} version={version} />,
          },
          {
            name: 'lineage',
            label: t('models.lineage'),
            content: () => (
              <LineageView project={project} kind="model_version" id={`${model}/${number}`} />
            ),
          },
          {
            name: 'history',
            label: t('models.history'),
            content: () => <History project={project} model={model} version={number} />,
          },
        ]}
      />
    </Section>
  );
}

function Overview({ project, version }: { project: string; version: ModelVersion }) {
  const { t } = useTranslation();
  return (
    <div className="stack">
      {version.description !== '' && <p className="note">{version.description}</p>}
      <Definitions
        rows={[
          [t('jobs.state'), <StateBadge key="state" state={version.state} />],
          ...(version.stage === 'None'
            ? []
            : [[t('models.stage'), version.stage] satisfies [string, string]]),
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
          [t('models.registered_by'), version.user || '–'],
          [t('models.source'), <CopyableId key="source" id={version.source} full />],
          ...Object.entries(version.tags).map(([key, value]): [string, string] => [key, value]),
        ]}
      />
      <CodeBlock
        label="Python"
        code={`import mlflow\n\nmlflow.set_tracking_uri("${window.location.origin}/p/${project}")\nmodel = mlflow.pyfunc.load_model("models:/${version.model}/${version.version}")`}
      />
    </div>
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
  /** A protected alias does not move: a request is made, which the page then shows. */
  async function askedInstead(error: Error): Promise<boolean> {
    if (!(error instanceof ApiError) || error.code !== 'failed_precondition') return false;
    await refresh();
    const after = await queryClient.query(openRequestsQuery(project, version.model));
    if (!after.items.some((one) => error.message.includes(one.id))) return false;
    setAdding(false);
    setAlias('');
    showToast(t('requests.made'));
    return true;
  }
  const set = useMutation({
    mutationFn: (name: string) =>
      request('PUT', path(name), { body: { version: version.version } }),
    onSuccess: async (_, name) => {
      setAdding(false);
      setAlias('');
      await refresh();
      showToast(t('models.alias_set', { alias: name, version: version.version }));
    },
    onError: askedInstead,
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
    onError: async (error) => {
      if (!(await askedInstead(error))) showError(error);
    },
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
