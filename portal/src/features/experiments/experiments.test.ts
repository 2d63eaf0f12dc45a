import { describe, expect, it } from 'vitest';
import type { Endpoint, Run } from '../../api/types';
import { exampleInput, formatRequest } from '../endpoints/example-input';
import { compareRows } from './compare';
import { parseTable, previewKind } from './preview';
import { columnId, defaultColumns, orderByKey, parseColumnId } from './run-columns';
import { smooth, toLine } from './series';

function run(parameters: Record<string, string>, metrics: Record<string, number> = {}): Run {
  return {
    parameters,
    metrics: Object.fromEntries(
      Object.entries(metrics).map(([key, value]) => [key, { value, step: 0, at: '' }]),
    ),
  } as Run;
}

describe('columns of a run table', () => {
  it('prefer parameters that differ', () => {
    const runs = [run({ lr: '1', seed: '42' }, { loss: 1 }), run({ lr: '2', seed: '42' })];
    expect(defaultColumns(runs).map(columnId)).toEqual(['m.loss', 'p.lr']);
  });

  it('come back from their ids and sort as MLflow writes it', () => {
    expect(parseColumnId('m.val/loss')).toEqual({ kind: 'metric', key: 'val/loss' });
    expect(parseColumnId('-')).toBeNull();
    expect(orderByKey({ kind: 'metric', key: 'val/loss' })).toBe('metrics.`val/loss`');
    expect(orderByKey({ kind: 'parameter', key: 'lr' })).toBe('params.lr');
  });
});

describe('compareRows', () => {
  it('marks what differs, a missing value included', () => {
    expect(
      compareRows([run({ a: '1', b: '2' }), run({ a: '1' })], (one) => one.parameters),
    ).toEqual([
      { key: 'a', values: ['1', '1'], differs: false },
      { key: 'b', values: ['2', undefined], differs: true },
    ]);
  });
});

describe('chart lines', () => {
  const points = [
    { step: 2, at: '2026-01-01T00:00:02Z', value: 0.5 },
    { step: 1, at: '2026-01-01T00:00:00Z', value: 'NaN' as const },
    { step: 2, at: '2026-01-01T00:00:03Z', value: 0.4 },
  ];

  it('go forward, keep the last of one step, and leave a gap for NaN', () => {
    expect(toLine(points, 'step', false)).toEqual({ x: [1, 2], y: [null, 0.4] });
  });

  it('leave out what a logarithm has no place for', () => {
    expect(toLine([{ step: 0, at: '', value: -1 }], 'step', true).y).toEqual([null]);
  });

  it('smooth without a pull towards zero', () => {
    const smoothed = smooth([5, 5, null, 5], 0.9);
    expect(smoothed.map((value) => value?.toFixed(6))).toEqual([
      '5.000000',
      '5.000000',
      undefined,
      '5.000000',
    ]);
    expect(smooth([1, 2], 0)).toEqual([1, 2]);
  });
});

describe('artifact previews', () => {
  it('know their kinds', () => {
    expect(previewKind('model/MLmodel')).toBe('text');
    expect(previewKind('a.PNG')).toBe('image');
    expect(previewKind('report.html')).toBe('page');
    expect(previewKind('model.pkl')).toBe('none');
  });

  it('read quoted fields', () => {
    expect(parseTable('id,text\r\n1,"a, ""b""\nc"\n', ',')).toEqual({
      header: ['id', 'text'],
      rows: [['1', 'a, "b"\nc']],
    });
    expect(parseTable('', ',')).toBeNull();
  });
});

describe('the try-it form', () => {
  const endpoint = (part: Partial<Endpoint>) =>
    ({ input_example: null, signature: null, ...part }) as Endpoint;

  it('starts with the model’s example', () => {
    const example = { dataframe_split: { columns: ['a'], data: [[1]] } };
    expect(JSON.parse(exampleInput(endpoint({ input_example: example })))).toEqual(example);
    expect(JSON.parse(exampleInput(endpoint({ input_example: [[1, 2]] })))).toEqual({
      inputs: [[1, 2]],
    });
  });

  it('makes one up from the signature', () => {
    const inputs = [
      { name: 'age', type: 'long' },
      { name: 'city', type: 'string' },
    ];
    expect(JSON.parse(exampleInput(endpoint({ signature: { inputs } })))).toEqual({
      dataframe_split: { columns: ['age', 'city'], data: [[0, '']] },
    });
    const tensor = [{ type: 'tensor', 'tensor-spec': { dtype: 'float32', shape: [-1, 3] } }];
    expect(JSON.parse(exampleInput(endpoint({ signature: { inputs: tensor } })))).toEqual({
      inputs: [[0, 0, 0]],
    });
  });

  it('keeps a row of numbers on one line', () => {
    expect(formatRequest({ inputs: [[1, 2]] })).toBe('{\n  "inputs": [\n    [1, 2]\n  ]\n}');
  });
});
