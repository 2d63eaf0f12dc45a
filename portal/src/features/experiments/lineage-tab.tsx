import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { runQuery } from '../../api/queries';
import { forkedFromTag, parentTag, reproducesTag, runsNamingQuery } from '../../api/reproduction';
import type { Run, RunRow } from '../../api/types';
import { shortId } from '../../i18n/format';
import { Section } from '../../ui/layout';
import { StateBadge } from '../../ui/state-badge';
import { RelativeTime } from '../../ui/time';
import { LineageView } from '../models/lineage';
import '../models/models.css';

const relations = [
  { tag: parentTag, to: 'parent', from: 'children' },
  { tag: forkedFromTag, to: 'forked_from', from: 'forks' },
  { tag: reproducesTag, to: 'reproduces', from: 'reproductions' },
] as const;

/** What the run was made of and what was made of it, and the runs that it belongs with. */
export default function LineageTab({ project, run }: { project: string; run: Run }) {
  const { t } = useTranslation();
  return (
    <div className="stack">
      <Section title={t('lineage.title')}>
        <LineageView project={project} kind="run" id={run.id} />
      </Section>
      {relations.map(({ tag, to, from }) => (
        <div key={tag} className="stack">
          {run.tags[tag] !== undefined && (
            <Section title={t(`relation.${to}`)}>
              <OneRun project={project} id={run.tags[tag]} />
            </Section>
          )}
          <RunsNaming project={project} run={run} tag={tag} title={t(`relation.${from}`)} />
        </div>
      ))}
    </div>
  );
}

function OneRun({ project, id }: { project: string; id: string }) {
  const { t } = useTranslation();
  const { data, error } = useQuery({ ...runQuery(project, id), retry: false });
  if (error !== null)
    return (
      <p className="muted">
        {shortId(id)} ({t('lineage.missing')})
      </p>
    );
  return (
    <ul className="home-list">
      <li className="row">
        <Link className="link" to="/$project/runs/$runId" params={{ project, runId: id }}>
          {data?.name ?? shortId(id)}
        </Link>
        {data !== undefined && <StateBadge state={data.status} />}
      </li>
    </ul>
  );
}

interface RunsNamingProps {
  project: string;
  run: Run;
  tag: string;
  title: string;
}

function RunsNaming({ project, run, tag, title }: RunsNamingProps) {
  const { t } = useTranslation();
  const { data } = useQuery(runsNamingQuery(project, run.experiment_name, tag, run.id));
  if (data === undefined || data.items.length === 0) return null;
  return (
    <Section
      title={title}
      actions={
        <Link
          className="link"
          to="/$project/compare"
          params={{ project }}
          search={{
            runs: [run.id, ...data.items.map((one) => one.id)].join(','),
            base: run.id,
          }}
        >
          {t('relation.compare')}
        </Link>
      }
    >
      <ul className="home-list">
        {data.items.map((one: RunRow) => (
          <li key={one.id} className="row">
            <Link className="link" to="/$project/runs/$runId" params={{ project, runId: one.id }}>
              {one.name}
            </Link>
            <StateBadge state={one.status} />
            <span className="muted">
              {one.user} · <RelativeTime at={one.started_at} />
            </span>
          </li>
        ))}
      </ul>
      {data.total > data.items.length && (
        <p className="muted">{t('runs.more', { count: data.total - data.items.length })}</p>
      )}
    </Section>
  );
}
