import type { Lineage, LineageNode } from '../../api/types';

/** The model versions that were registered from a run itself: of its files, or of a model it logged. */
export function versionsMadeFrom(lineage: Lineage): LineageNode[] {
  const byId = new Map(lineage.nodes.map((node) => [node.id, node]));
  const madeOf = (from: string, kind: LineageNode['kind']) =>
    lineage.edges
      .filter((edge) => edge.from === from)
      .flatMap((edge) => byId.get(edge.to) ?? [])
      .filter((node) => node.kind === kind);
  return [
    ...madeOf(lineage.start, 'model_version'),
    ...madeOf(lineage.start, 'logged_model').flatMap((model) => madeOf(model.id, 'model_version')),
  ];
}
