import type { Lineage, LineageNode } from '../../api/types';

export const nodeSize = { width: 168, height: 54 };
const gap = { x: 40, y: 16 };

export interface PlacedNode {
  node: LineageNode;
  column: number;
  x: number;
  y: number;
}

export interface PlacedEdge {
  from: PlacedNode;
  to: PlacedNode;
}

export interface LineageLayout {
  /** Column by column, each from the top: the order in which they are read. */
  nodes: PlacedNode[];
  edges: PlacedEdge[];
  width: number;
  height: number;
}

/** A node's column: one more than the furthest of what it was made of. Circles end at the number of nodes. */
function columnsOf(lineage: Lineage): Map<string, number> {
  const columns = new Map(lineage.nodes.map((node) => [node.id, 0]));
  for (let pass = 0; pass < lineage.nodes.length; pass++) {
    let changed = false;
    for (const edge of lineage.edges) {
      const from = columns.get(edge.from);
      const to = columns.get(edge.to);
      if (from === undefined || to === undefined || from + 1 <= to) continue;
      if (from + 1 >= lineage.nodes.length) continue;
      columns.set(edge.to, from + 1);
      changed = true;
    }
    if (!changed) break;
  }
  // What starts a chain stands right before the first thing that it went into.
  for (const node of lineage.nodes) {
    const next = lineage.edges
      .filter((edge) => edge.from === node.id)
      .map((edge) => columns.get(edge.to) ?? 0);
    const isSource = !lineage.edges.some((edge) => edge.to === node.id);
    if (isSource && next.length > 0) columns.set(node.id, Math.max(0, Math.min(...next) - 1));
  }
  return columns;
}

/** Layers from left to right; in each, nodes stand near the middle of what they were made of. */
export function layOut(lineage: Lineage): LineageLayout {
  const columnOf = columnsOf(lineage);
  const columns: LineageNode[][] = lineage.nodes.map(() => []);
  for (const node of lineage.nodes) {
    const column = columnOf.get(node.id) ?? 0;
    columns[column]?.push(node);
  }
  const filled = columns.filter((column) => column.length > 0);
  const tallest = Math.max(1, ...filled.map((column) => column.length));
  const step = nodeSize.height + gap.y;
  const height = tallest * step - gap.y;
  const placed = new Map<string, PlacedNode>();
  filled.forEach((column, index) => {
    const wanted = new Map(
      column.map((node, order) => {
        const before = lineage.edges
          .filter((edge) => edge.to === node.id)
          .flatMap((edge) => placed.get(edge.from)?.y ?? []);
        const mean = before.reduce((sum, y) => sum + y, 0) / before.length;
        return [node.id, before.length === 0 ? order * step : mean];
      }),
    );
    const ordered = [...column].sort(
      (one, other) => (wanted.get(one.id) ?? 0) - (wanted.get(other.id) ?? 0),
    );
    const top = (height - (ordered.length * step - gap.y)) / 2;
    ordered.forEach((node, order) => {
      placed.set(node.id, {
        node,
        column: index,
        x: index * (nodeSize.width + gap.x),
        y: top + order * step,
      });
    });
  });
  const edges = lineage.edges.flatMap((edge) => {
    const from = placed.get(edge.from);
    const to = placed.get(edge.to);
    return from === undefined || to === undefined ? [] : [{ from, to }];
  });
  const nodes = [...placed.values()].sort(
    (one, other) => one.column - other.column || one.y - other.y,
  );
  return {
    nodes,
    edges,
    width: filled.length * (nodeSize.width + gap.x) - gap.x,
    height,
  };
}

/** A curve from the right side of one node to the left side of another. */
export function edgePath({ from, to }: PlacedEdge): string {
  const startX = from.x + nodeSize.width;
  const startY = from.y + nodeSize.height / 2;
  const endX = to.x;
  const endY = to.y + nodeSize.height / 2;
  const bend = Math.max(24, Math.abs(endX - startX) / 2);
  return `M${startX} ${startY}C${startX + bend} ${startY} ${endX - bend} ${endY} ${endX} ${endY}`;
}
