import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useMemo, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { lineageQuery } from '../../api/queries';
import type { Lineage, LineageKind, LineageNode } from '../../api/types';
import { ErrorState, Skeleton } from '../../ui/states';
import { edgePath, layOut, nodeSize, type PlacedNode } from './lineage-layout';

interface LineageViewProps {
  project: string;
  kind: LineageKind;
  id: string;
}

/** What something was made of and what was made of it, as a graph; the same as a list for who can't see it. */
export function LineageView({ project, kind, id }: LineageViewProps) {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(lineageQuery(project, kind, id));
  if (error !== null) return <ErrorState error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Skeleton lines={4} />;
  return (
    <div className="stack">
      <Graph project={project} lineage={data} />
      {data.shortened && <p className="muted">{t('lineage.shortened')}</p>}
      <details>
        <summary>{t('lineage.as_list')}</summary>
        <NodeList project={project} lineage={data} />
      </details>
    </div>
  );
}

function Graph({ project, lineage }: { project: string; lineage: Lineage }) {
  const { t } = useTranslation();
  const layout = useMemo(() => layOut(lineage), [lineage]);
  return (
    // A scrolling region must be reachable by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="lineage" tabIndex={0} role="region" aria-label={t('lineage.title')}>
      <div className="lineage-canvas" style={{ width: layout.width, height: layout.height }}>
        <svg width={layout.width} height={layout.height} aria-hidden="true">
          {layout.edges.map((edge) => (
            <path
              key={`${edge.from.node.id} ${edge.to.node.id}`}
              className="lineage-edge"
              d={edgePath(edge)}
            />
          ))}
        </svg>
        {layout.nodes.map((placed) => (
          <Node
            key={placed.node.id}
            project={project}
            placed={placed}
            isStart={placed.node.id === lineage.start}
          />
        ))}
      </div>
    </div>
  );
}

interface NodeProps {
  project: string;
  placed: PlacedNode;
  isStart: boolean;
}

function Node({ project, placed, isStart }: NodeProps) {
  const { t } = useTranslation();
  const { node, x, y } = placed;
  const second = node.missing ? t('lineage.missing') : node.detail;
  return (
    <div
      className={`lineage-node${isStart ? ' start' : ''}${node.missing ? ' missing' : ''}`}
      style={{ left: x, top: y, width: nodeSize.width, height: nodeSize.height }}
      title={`${node.name}\n${second}`}
    >
      <span className="lineage-kind">{t(`lineage.${node.kind}`)}</span>
      <span className="lineage-name">
        <NodeLink project={project} node={node} />
      </span>
      {second !== '' && <span className="lineage-detail">{second}</span>}
    </div>
  );
}

/** The page of a node's thing, if it has one. */
function NodeLink({ project, node }: { project: string; node: LineageNode }): ReactNode {
  if (node.missing) return node.name;
  switch (node.kind) {
    case 'run':
      return (
        <Link to="/$project/runs/$runId" params={{ project, runId: node.ref }}>
          {node.name}
        </Link>
      );
    case 'job':
      return (
        <Link to="/$project/jobs/$jobId" params={{ project, jobId: node.ref }}>
          {node.name}
        </Link>
      );
    case 'environment':
      return (
        <Link to="/$project/environments/$environment" params={{ project, environment: node.ref }}>
          {node.name}
        </Link>
      );
    case 'endpoint':
      return (
        <Link to="/$project/endpoints/$endpoint" params={{ project, endpoint: node.ref }}>
          {node.name}
        </Link>
      );
    case 'model_version': {
      const slash = node.ref.lastIndexOf('/');
      return (
        <Link
          to="/$project/models/$model"
          params={{ project, model: node.ref.slice(0, slash) }}
          search={{ version: node.ref.slice(slash + 1) }}
        >
          {node.name}
        </Link>
      );
    }
    default:
      return node.name;
  }
}

function NodeList({ project, lineage }: { project: string; lineage: Lineage }) {
  const { t } = useTranslation();
  const byId = new Map(lineage.nodes.map((node) => [node.id, node]));
  return (
    <ul className="lineage-list">
      {layOut(lineage).nodes.map(({ node }) => {
        const sources = lineage.edges
          .filter((edge) => edge.to === node.id)
          .map((edge) => byId.get(edge.from)?.name ?? edge.from);
        return (
          <li key={node.id}>
            {t(`lineage.${node.kind}`)} <NodeLink project={project} node={node} />
            {node.missing && ` (${t('lineage.missing')})`}
            {sources.length > 0 && (
              <span className="muted"> {t('lineage.made_of', { names: sources.join(', ') })}</span>
            )}
          </li>
        );
      })}
    </ul>
  );
}
