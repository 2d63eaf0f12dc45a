import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useRouter, useSearch } from '@tanstack/react-router';
import { useMemo, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useHasRole } from '../../api/permissions';
import { experimentsQuery } from '../../api/queries';
import { currentLanguage } from '../../i18n';
import { formatCount, shortId } from '../../i18n/format';
import { IconButton } from '../../ui/button';
import { CopyableId } from '../../ui/copy';
import { Definitions, Facts, PageHeader, Section, type Fact } from '../../ui/layout';
import { StateBadge } from '../../ui/state-badge';
import { EmptyState, ErrorState, Skeleton } from '../../ui/states';
import { RelativeTime } from '../../ui/time';
import { showError, showToast } from '../../ui/toast';
import { Assessments } from './assessments';
import { traceQuery } from './queries';
import { SpanDetail } from './span-detail';
import { SpanList } from './span-list';
import { formatTraceDuration } from './span-tree';
import { TraceActions } from './trace-actions';
import { isOwnKey, removeTraceTag, setTraceTag } from './trace-edits';
import type { Trace, TraceDetail } from './types';

const route = '/signed-in/$project/traces/$traceId';

export function TracePage() {
  const { t } = useTranslation();
  const { project, traceId } = useParams({ from: route });
  const { data, error, refetch } = useQuery(traceQuery(project, traceId));
  if (data !== undefined) return <LoadedTrace project={project} detail={data} />;
  return (
    <div className="page">
      <PageHeader
        title={shortId(traceId)}
        documentTitle={shortId(traceId)}
        crumbs={
          <Link to="/$project/experiments" params={{ project }}>
            {t('nav.experiments')}
          </Link>
        }
      />
      {error === null ? (
        <Skeleton lines={10} />
      ) : (
        <ErrorState error={error} retry={() => void refetch()} />
      )}
    </div>
  );
}

function LoadedTrace({ project, detail }: { project: string; detail: TraceDetail }) {
  const { t } = useTranslation();
  const { trace, spans } = detail;
  const { span: wanted } = useSearch({ from: route });
  const navigate = useNavigate({ from: '/$project/traces/$traceId' });
  const names = useMemo(() => new Map(spans.map((span) => [span.id, span.name])), [spans]);
  const chosen = spans.find((span) => span.id === wanted) ?? spans[0];
  const title = trace.name ?? shortId(trace.id);
  const router = useRouter();
  const mayEdit = useHasRole(project, 'developer');
  const experiment = useExperimentName(project, trace.experiment_id);
  return (
    <div className="page">
      <PageHeader
        title={title}
        documentTitle={title}
        crumbs={<Crumbs project={project} experimentId={trace.experiment_id} />}
        meta={
          <>
            <StateBadge state={trace.state} />
            <CopyableId id={trace.id} />
          </>
        }
        actions={
          mayEdit && (
            <TraceActions
              project={project}
              ids={[trace.id]}
              onDeleted={() =>
                void router.navigate({
                  to: '/$project/experiments/$experiment',
                  params: { project, experiment },
                  search: { tab: 'traces' },
                })
              }
            />
          )
        }
      />
      <TraceFacts project={project} detail={detail} />
      {chosen === undefined ? (
        <EmptyState title={t('traces.no_spans')}>{t('traces.no_spans_text')}</EmptyState>
      ) : (
        <div className="trace-columns">
          <SpanList
            spans={spans}
            chosen={chosen.id}
            choose={(id) =>
              void navigate({ search: (old) => ({ ...old, span: id }), replace: true })
            }
          />
          <SpanDetail key={chosen.id} span={chosen} />
        </div>
      )}
      <div className="columns trace-more">
        <Assessments
          project={project}
          traceId={trace.id}
          assessments={trace.assessments}
          spanNames={names}
        />
        <TraceProperties project={project} trace={trace} />
      </div>
    </div>
  );
}

function useExperimentName(project: string, id: string): string {
  const { data } = useQuery(experimentsQuery(project));
  return data?.items.find((one) => one.id === id)?.name ?? id;
}

function Crumbs({ project, experimentId }: { project: string; experimentId: string }) {
  const { t } = useTranslation();
  const name = useExperimentName(project, experimentId);
  return (
    <>
      <Link to="/$project/experiments" params={{ project }}>
        {t('nav.experiments')}
      </Link>
      <span aria-hidden="true">/</span>
      <Link
        className="cut"
        to="/$project/experiments/$experiment"
        params={{ project, experiment: name }}
        search={{ tab: 'traces' }}
      >
        {name}
      </Link>
    </>
  );
}

function TraceFacts({ project, detail }: { project: string; detail: TraceDetail }) {
  const { t } = useTranslation();
  const { trace, spans } = detail;
  const count = (value: number | null) =>
    value === null ? '–' : formatCount(value, currentLanguage());
  const run = trace.run_ids[0];
  const facts: Fact[] = [
    { label: t('traces.started'), value: <RelativeTime at={trace.started_at} /> },
    {
      label: t('traces.duration'),
      value: trace.duration_ms === null ? '–' : formatTraceDuration(trace.duration_ms),
    },
    { label: t('traces.spans'), value: count(spans.length) },
    {
      label: t('traces.tokens'),
      value: count(trace.tokens.total),
      hint:
        trace.tokens.input === null && trace.tokens.output === null
          ? undefined
          : t('traces.tokens_hint', {
              input: count(trace.tokens.input),
              output: count(trace.tokens.output),
            }),
    },
    {
      label: t('traces.run'),
      value:
        run === undefined ? (
          '–'
        ) : (
          <Link className="link" to="/$project/runs/$runId" params={{ project, runId: run }}>
            {shortId(run)}
          </Link>
        ),
    },
  ];
  return <Facts facts={facts} />;
}

/** Tags and metadata, less what MLflow's clients set for themselves. */
function TraceProperties({ project, trace }: { project: string; trace: Trace }) {
  const { t } = useTranslation();
  const queryClient = useQueryClient();
  const mayEdit = useHasRole(project, 'developer');
  const remove = useMutation({
    mutationFn: (key: string) => removeTraceTag(project, trace.id, key),
    onSuccess: async (_, key) => {
      const value = trace.tags[key] ?? '';
      const refresh = () => queryClient.invalidateQueries({ queryKey: ['traces', project] });
      await refresh();
      showToast(t('traces.tag_removed', { key }), {
        label: t('action.undo'),
        run: () =>
          void setTraceTag(project, trace.id, key, value).then(refresh, (error: unknown) =>
            showError(error),
          ),
      });
    },
    onError: showError,
  });
  const tags = Object.entries(trace.tags).filter(([name]) => isOwnKey(name));
  const metadata = Object.entries(trace.metadata).filter(([name]) => isOwnKey(name));
  const rows: [string, ReactNode][] = [
    ...tags.map(([name, value]): [string, ReactNode] => [
      name,
      <span key={name} className="row one-line tight">
        <span className="trace-tag">{value}</span>
        {mayEdit && (
          <IconButton
            icon="close"
            label={t('traces.tag_remove', { key: name })}
            onClick={() => remove.mutate(name)}
          />
        )}
      </span>,
    ]),
    ...metadata,
  ];
  if (trace.client_request_id !== null)
    rows.unshift([t('traces.client_request'), trace.client_request_id]);
  return (
    <Section title={t('traces.properties')}>
      <Definitions rows={rows} empty={t('common.none')} />
    </Section>
  );
}
