import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Suspense, lazy, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { endpointTabs, type EndpointTab } from '../../app/router';
import { apiPath, request } from '../../api/client';
import { endpointQuery } from '../../api/queries';
import type { Endpoint } from '../../api/types';
import { currentLanguage } from '../../i18n';
import { formatCount, formatPercent, shortId } from '../../i18n/format';
import { Button } from '../../ui/button';
import { CodeBlock, CopyableId } from '../../ui/copy';
import { Dialog } from '../../ui/dialog';
import { Icon } from '../../ui/icon';
import { Facts, PageHeader, Section, type Fact } from '../../ui/layout';
import { StateBadge } from '../../ui/state-badge';
import { EmptyState, ErrorState, Skeleton } from '../../ui/states';
import { Tabs } from '../../ui/tabs';
import { RelativeTime } from '../../ui/time';
import { showToast } from '../../ui/toast';
import { exampleInput } from './example-input';
import { Latency } from './latency';
import { TryIt } from './try-it';

const LogViewer = lazy(() =>
  import('../jobs/log-viewer').then((module) => ({ default: module.LogViewer })),
);
const route = '/signed-in/$project/endpoints/$endpoint';

export function EndpointPage() {
  const { t } = useTranslation();
  const { project, endpoint: name } = useParams({ from: route });
  const { data: endpoint, error, refetch } = useQuery(endpointQuery(project, name));
  const crumbs = (
    <Link to="/$project/endpoints" params={{ project }}>
      {t('nav.endpoints')}
    </Link>
  );
  if (endpoint === undefined) {
    return (
      <div className="page">
        <PageHeader title={name} documentTitle={name} crumbs={crumbs} />
        {error === null ? (
          <Skeleton lines={8} />
        ) : (
          <ErrorState error={error} retry={() => void refetch()} />
        )}
      </div>
    );
  }
  return (
    <div className="page fill">
      <PageHeader
        title={endpoint.name}
        documentTitle={endpoint.name}
        crumbs={crumbs}
        meta={
          <>
            <StateBadge state={endpoint.state} />
            <RelativeTime at={endpoint.created_at} />
            <CopyableId id={`${window.location.origin}${endpoint.url}/invocations`} full />
          </>
        }
        actions={<DeleteEndpoint project={project} endpoint={endpoint} />}
      />
      {endpoint.state !== 'ready' && endpoint.reason !== '' && (
        <div className={endpoint.state === 'failed' ? 'notice' : 'notice waiting'} role="status">
          <Icon name="warning" />
          <div>
            <p className="error-title">{t(`endpoints.is_${endpoint.state}`)}</p>
            <p>{endpoint.reason}</p>
          </div>
        </div>
      )}
      <EndpointFacts endpoint={endpoint} />
      <EndpointTabs project={project} endpoint={endpoint} />
    </div>
  );
}

function EndpointFacts({ endpoint }: { endpoint: Endpoint }) {
  const { t } = useTranslation();
  const language = currentLanguage();
  const failing =
    endpoint.requests_total === 0 ? 0 : endpoint.errors_total / endpoint.requests_total;
  const facts: Fact[] = [
    { label: t('endpoints.requests'), value: formatCount(endpoint.requests_total, language) },
    {
      label: t('endpoints.errors'),
      value: `${formatCount(endpoint.errors_total, language)} (${formatPercent(failing, language)})`,
    },
    { label: 'p50', value: <Latency endpoint={endpoint} share="p50" /> },
    { label: 'p90', value: <Latency endpoint={endpoint} share="p90" /> },
    { label: 'p99', value: <Latency endpoint={endpoint} share="p99" /> },
  ];
  return <Facts facts={facts} />;
}

function EndpointTabs({ project, endpoint }: { project: string; endpoint: Endpoint }) {
  const { t } = useTranslation();
  const { tab = 'try' } = useSearch({ from: route });
  const navigate = useNavigate({ from: '/$project/endpoints/$endpoint' });
  const content: Record<EndpointTab, () => ReactNode> = {
    try: () => <TryIt key={endpoint.id} project={project} endpoint={endpoint} />,
    code: () => <Snippets endpoint={endpoint} />,
    log: () => <ReplicaLog project={project} endpoint={endpoint} />,
    settings: () => <Variants project={project} endpoint={endpoint} />,
  };
  return (
    <Suspense fallback={<Skeleton lines={6} />}>
      <Tabs
        label={endpoint.name}
        current={tab}
        onChange={(next) =>
          void navigate({
            search: (old) => ({ ...old, tab: next === 'try' ? undefined : next }),
            replace: true,
          })
        }
        tabs={endpointTabs.map((name) => ({
          name,
          label: t(`endpoints.tab_${name}`),
          content: content[name],
        }))}
      />
    </Suspense>
  );
}

function Snippets({ endpoint }: { endpoint: Endpoint }) {
  const { t } = useTranslation();
  const url = `${window.location.origin}${endpoint.url}/invocations`;
  const body = exampleInput(endpoint);
  const compact = JSON.stringify(JSON.parse(body));
  return (
    <div className="stack">
      <p>
        {t('endpoints.token_hint')}{' '}
        <Link to="/settings/$section" params={{ section: 'tokens' }}>
          {t('endpoints.token_link')}
        </Link>
      </p>
      <CodeBlock
        label="curl"
        code={`curl -sS '${url}' \\\n  -H "Authorization: Bearer $MARU_TOKEN" \\\n  -H 'Content-Type: application/json' \\\n  -d '${compact.replaceAll("'", `'\\''`)}'`}
      />
      <CodeBlock
        label="Python"
        code={`import os\nimport requests\n\nresponse = requests.post(\n    "${url}",\n    headers={"Authorization": f"Bearer {os.environ['MARU_TOKEN']}"},\n    json=${pythonLiteral(compact)},\n    timeout=30,\n)\nresponse.raise_for_status()\nprint(response.json()["predictions"])`}
      />
      <CodeBlock
        label="maru"
        code={`echo '${compact.replaceAll("'", `'\\''`)}' | maru predict ${endpoint.name} --input -`}
      />
    </div>
  );
}

/** JSON's own words for what Python spells otherwise, left alone inside strings. */
function pythonLiteral(json: string): string {
  return json.replaceAll(/"(?:[^"\\]|\\.)*"|\btrue\b|\bfalse\b|\bnull\b/g, (part) =>
    part === 'true' ? 'True' : part === 'false' ? 'False' : part === 'null' ? 'None' : part,
  );
}

function ReplicaLog({ project, endpoint }: { project: string; endpoint: Endpoint }) {
  const { t } = useTranslation();
  const { replica } = useSearch({ from: route });
  const navigate = useNavigate({ from: '/$project/endpoints/$endpoint' });
  const workloads = endpoint.variants.flatMap((variant) =>
    variant.workload_ids.map((id) => ({ id, label: `${variant.model}/${variant.version}` })),
  );
  const shown = workloads.find((one) => one.id === replica) ?? workloads[0];
  if (shown === undefined) return <EmptyState title={t('endpoints.no_replicas')} />;
  return (
    <LogViewer
      key={shown.id}
      project={project}
      job={shown.id}
      replica={0}
      controls={
        workloads.length > 1 && (
          <select
            className="input small log-replica"
            aria-label={t('endpoints.replica')}
            value={shown.id}
            onChange={(event) =>
              void navigate({
                search: (old) => ({ ...old, replica: event.target.value }),
                replace: true,
              })
            }
          >
            {workloads.map((workload) => (
              <option key={workload.id} value={workload.id}>
                {workload.label} · {shortId(workload.id)}
              </option>
            ))}
          </select>
        )
      }
    />
  );
}

function Variants({ project, endpoint }: { project: string; endpoint: Endpoint }) {
  const { t } = useTranslation();
  return (
    <div className="stack">
      <Section title={t('endpoints.variants')}>
        <table className="plain-table" aria-label={t('endpoints.variants')}>
          <thead>
            <tr>
              <th scope="col">{t('endpoints.model')}</th>
              <th scope="col" className="right">
                {t('endpoints.weight')}
              </th>
              <th scope="col" className="right">
                {t('endpoints.replicas_ready')}
              </th>
            </tr>
          </thead>
          <tbody>
            {endpoint.variants.map((variant) => (
              <tr key={`${variant.model}/${variant.version}`}>
                <th scope="row">
                  <Link
                    className="link"
                    to="/$project/models/$model"
                    params={{ project, model: variant.model }}
                    search={{ version: String(variant.version) }}
                  >
                    {variant.model} / {variant.version}
                  </Link>
                </th>
                <td className="right numeric">{variant.weight} %</td>
                <td className="right numeric">
                  {variant.replicas_ready} / {variant.replicas}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Section>
      {endpoint.signature !== null && (
        <CodeBlock
          label={t('endpoints.signature')}
          code={JSON.stringify(endpoint.signature, null, 2)}
        />
      )}
    </div>
  );
}

function DeleteEndpoint({ project, endpoint }: { project: string; endpoint: Endpoint }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const [isOpen, setOpen] = useState(false);
  const remove = useMutation({
    mutationFn: () => request('DELETE', apiPath('projects', project, 'endpoints', endpoint.name)),
    onSuccess: async () => {
      await navigate({ to: '/$project/endpoints', params: { project } });
      queryClient.removeQueries({ queryKey: endpointQuery(project, endpoint.name).queryKey });
      await queryClient.invalidateQueries({ queryKey: ['endpoints', project] });
      showToast(t('endpoints.deleted', { name: endpoint.name }));
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
        title={t('endpoints.delete_title', { name: endpoint.name })}
        description={t('endpoints.delete_text', { url: endpoint.url })}
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
