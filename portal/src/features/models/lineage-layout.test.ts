import { describe, expect, it } from 'vitest';
import type { Lineage } from '../../api/types';
import { edgePath, layOut } from './lineage-layout';

function graph(edges: [string, string][]): Lineage {
  const ids = [...new Set(edges.flat())];
  return {
    start: ids[0] ?? '',
    nodes: ids.map((id) => ({
      id,
      kind: 'run',
      ref: id,
      name: id,
      detail: '',
      state: '',
      missing: false,
    })),
    edges: edges.map(([from, to]) => ({ from, to })),
    shortened: false,
  };
}

function columns(lineage: Lineage): Record<string, number> {
  return Object.fromEntries(layOut(lineage).nodes.map(({ node, column }) => [node.id, column]));
}

describe('the layout of a lineage', () => {
  it('puts each thing to the right of all that it was made of', () => {
    expect(
      columns(
        graph([
          ['code', 'job'],
          ['job', 'run'],
          ['dataset', 'run'],
          ['run', 'version'],
        ]),
      ),
    ).toEqual({ code: 0, job: 1, dataset: 1, run: 2, version: 3 });
  });

  it('ends where things lead back to themselves', () => {
    const placed = layOut(
      graph([
        ['run', 'model'],
        ['model', 'run'],
      ]),
    );
    expect(placed.nodes).toHaveLength(2);
    expect(placed.edges).toHaveLength(2);
  });

  it('lets no two nodes overlap', () => {
    const { nodes } = layOut(
      graph([
        ['a', 'x'],
        ['a', 'y'],
        ['b', 'z'],
        ['b', 'x'],
      ]),
    );
    const places = nodes.map(({ x, y }) => `${x} ${y}`);
    expect(new Set(places).size).toBe(places.length);
  });

  it('draws an edge from right to left side', () => {
    const [edge] = layOut(graph([['a', 'b']])).edges;
    expect(edge === undefined ? '' : edgePath(edge)).toMatch(/^M168 27C.* 208 27$/);
  });
});
