import { describe, expect, it } from 'vitest';
import type { Endpoint, Run, RunRow } from '../../api/types';
import { exampleInput, formatRequest } from '../endpoints/example-input';
import {
  linearTicks,
  logarithmicTicks,
  nearestIndex,
  padded,
  place,
  timeTicks,
  valueAt,
} from '../../ui/plot/scale';
import { flattenTree, parentsOf } from './artifact-tree';
import { axisOf, isWithin } from './axes';
import { compareRows, difference } from './compare';
import { csvHeader, csvLine } from './export-csv';
import { applySuggestion, completionAt, suggestKeys } from './filter-language';
import { highlight } from './highlight';
import { figureInJson, figureInPage, parseTable, previewKind, tableInJson } from './preview';
import {
  columnId,
  defaultColumns,
  equals,
  joinFilters,
  parseColumnId,
  parseColumns,
  searchName,
} from './run-columns';
import { runColour } from './run-colour';
import { sectionsOf, smooth, toLine } from './series';

function run(parameters: Record<string, string>, metrics: Record<string, number> = {}): Run {
  return {
    parameters,
    metrics: Object.fromEntries(
      Object.entries(metrics).map(([key, value]) => [key, { value, step: 0, at: '' }]),
    ),
  } as Run;
}

describe('columns of a run table', () => {
  const available = {
    metrics: ['eval/loss', 'loss', 'system/cpu'],
    parameters: ['lr', 'depth'],
    tags: ['team'],
    complete: true,
  };

  it('begin with what people logged', () => {
    expect(defaultColumns(available).map(columnId)).toEqual([
      'attributes.start_time',
      'attributes.duration',
      'attributes.user_id',
      'metrics.eval/loss',
      'metrics.loss',
      'params.lr',
      'params.depth',
    ]);
  });

  it('come back from their ids and sort as MLflow writes it', () => {
    const pinned = { kind: 'metrics', key: 'val/loss', isPinned: true } as const;
    expect(parseColumnId('!metrics.val/loss')).toEqual(pinned);
    expect(columnId(pinned)).toBe('!metrics.val/loss');
    expect(parseColumnId('-')).toBeNull();
    expect(parseColumnId('attributes.nothing')).toBeNull();
    expect(searchName(pinned)).toBe('metrics.`val/loss`');
    expect(searchName({ kind: 'params', key: 'lr' })).toBe('params.lr');
  });

  it('make filters that hold for one value', () => {
    expect(equals({ kind: 'params', key: 'name' }, "it's")).toBe("params.name = 'it''s'");
    expect(equals({ kind: 'tags', key: 'a b' }, null)).toBe('tags.`a b` IS NULL');
    expect(joinFilters(undefined, ' a = 1 ', '')).toBe('a = 1');
  });
});

describe('the export', () => {
  const row = {
    id: '1',
    name: 'a, "b"',
    metrics: { loss: 0.123456789 },
    parameters: { formula: '=1+1' },
    tags: {},
  } as unknown as RunRow;

  it('keeps all digits, quotes what needs it, and disarms formulas', () => {
    const columns = parseColumns(['metrics.loss', 'params.formula', 'tags.none']);
    expect(csvHeader(columns)).toBe('id,name,metrics.loss,params.formula,tags.none');
    expect(csvLine(row, columns)).toBe(`1,"a, ""b""",0.123456789,'=1+1,`);
  });
});

describe('completion of a filter', () => {
  const wants = (text: string) => {
    const { wants: kind, part, column } = completionAt(text);
    return [kind, part, column?.key ?? null];
  };

  it('knows what comes next', () => {
    expect(wants('')).toEqual(['key', '', null]);
    expect(wants('metrics.lo')).toEqual(['key', 'metrics.lo', null]);
    expect(wants('metrics.loss ')).toEqual(['operator', '', 'loss']);
    expect(wants('params.`a b` = ')).toEqual(['value', '', 'a b']);
    expect(wants("params.kind = 'tr")).toEqual(['value', 'tr', 'kind']);
    expect(wants("params.kind='tree' ")).toEqual(['and', '', 'kind']);
    expect(wants("params.kind = 'a and b' AND tags.")).toEqual(['key', 'tags.', null]);
    expect(wants("attributes.run_id IN ('a', ")).toEqual(['value', '', 'run_id']);
    expect(wants('tags.team IS ')).toEqual(['operator', '', 'team']);
  });

  it('puts a suggestion where the word began, keeping what follows', () => {
    const text = 'metrics.lo AND x = 1';
    const completion = completionAt(text.slice(0, 10));
    const [first] = suggestKeys(completion.part, {
      metrics: ['val/loss', 'loss'],
      parameters: [],
      tags: [],
      complete: true,
    });
    expect(first?.text).toBe('metrics.loss');
    expect(applySuggestion(text, 10, completion, { text: 'metrics.loss', label: '' })).toEqual({
      text: 'metrics.loss AND x = 1',
      caret: 13,
    });
  });
});

describe('axes of many runs', () => {
  const row = (lr: string | undefined, loss: number | 'NaN') =>
    ({
      parameters: lr === undefined ? {} : { lr },
      metrics: { loss },
      tags: {},
    }) as unknown as RunRow;

  it('take numbers in texts as numbers, and number other texts', () => {
    const numeric = axisOf('params.lr', [row('1e-3', 1), row('10', 2), row(undefined, 3)]);
    expect(numeric?.values).toEqual([0.001, 10, null]);
    const named = axisOf('params.lr', [row('b', 1), row('auto', 2), row('b', 3)]);
    expect(named?.texts).toEqual(['auto', 'b']);
    expect(named?.values).toEqual([1, 0, 1]);
    expect(axisOf('metrics.loss', [row('1', 'NaN'), row('1', 2)])?.values).toEqual([null, 2]);
  });

  it('keep the runs that every brush holds', () => {
    const axis = axisOf('metrics.loss', [row('1', 1), row('1', 2), row('1', 'NaN')]);
    const axes = axis === null ? [] : [axis];
    const brushes = new Map<string, [number, number]>([['metrics.loss', [1.5, 3]]]);
    expect([0, 1, 2].filter((index) => isWithin(axes, brushes, index))).toEqual([1]);
  });
});

describe('colours of runs', () => {
  it('are the same each time, and not all alike', () => {
    expect(runColour('abc')).toBe(runColour('abc'));
    const colours = new Set(Array.from({ length: 50 }, (_, index) => runColour(`run-${index}`)));
    expect(colours.size).toBeGreaterThan(25);
  });
});

describe('scales', () => {
  it('have round ticks inside their range', () => {
    expect(linearTicks(0, 1, 4)).toEqual([0, 0.25, 0.5, 0.75, 1]);
    expect(logarithmicTicks(0.0008, 200, 8)).toEqual([0.001, 0.01, 0.1, 1, 10, 100]);
    expect(timeTicks(0, 7200, 4)).toEqual([0, 1800, 3600, 5400, 7200]);
  });

  it('find the nearest value', () => {
    expect([-5, 1.4, 1.6, 99].map((value) => nearestIndex([1, 2, 3], value))).toEqual([0, 0, 1, 2]);
  });

  it('place values and come back', () => {
    const scale = { min: 0.1, max: 1000, isLogarithmic: true, from: 0, to: 400 };
    expect(place(scale, 10)).toBeCloseTo(200);
    expect(valueAt(scale, 200)).toBeCloseTo(10);
    expect(padded(3, 3, false).min).toBeLessThan(3);
  });
});

describe('compareRows', () => {
  it('measures how far a metric is from the baseline', () => {
    expect(difference(1.5, 1)).toEqual({ amount: 0.5, share: 0.5 });
    expect(difference(1, 0)).toEqual({ amount: 1, share: null });
    expect(difference('NaN', 1)).toBeNull();
  });

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
  const curve = {
    run: 'r',
    key: 'loss',
    steps: [2, 1, 2],
    times_ms: [2000, 0, 3000],
    values: [0.5, 'NaN' as const, 0.4],
    total: 3,
  };

  it('go forward, keep the last of one step, and leave a gap for NaN', () => {
    expect(toLine(curve, 'step', false)).toEqual({ x: [1, 2], y: [null, 0.4] });
    expect(toLine(curve, 'relative', false).x).toEqual([0, 2, 3]);
  });

  it('leave out what a logarithm has no place for', () => {
    const negative = { ...curve, steps: [0], times_ms: [0], values: [-1] };
    expect(toLine(negative, 'step', true).y).toEqual([null]);
  });

  it('are in sections, the plain ones first and the system last', () => {
    expect(sectionsOf(['system/cpu', 'train/loss', 'acc', 'eval/loss'])).toEqual([
      { name: '', keys: ['acc'] },
      { name: 'eval', keys: ['eval/loss'] },
      { name: 'train', keys: ['train/loss'] },
      { name: 'system', keys: ['system/cpu'] },
    ]);
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

  it('find tables and figures in JSON', () => {
    expect(tableInJson({ columns: ['a'], data: [[1], ['x']] })).toEqual({
      header: ['a'],
      rows: [['1'], ['x']],
    });
    expect(tableInJson([{ a: 1 }, { b: null }])?.header).toEqual(['a', 'b']);
    expect(tableInJson({ a: 1 })).toBeNull();
    expect(figureInJson({ data: [], layout: { title: 'x' } })).not.toBeNull();
    expect(figureInJson({ data: [], columns: [] })).toBeNull();
  });

  it('find the figure in a page that would load Plotly from elsewhere', () => {
    const script =
      '<script charset="utf-8" src="https://cdn.plot.ly/plotly-3.0.0.min.js"></script>';
    const call = `Plotly.newPlot("id", [{"y":[1,2],"name":"a ] b"}], {"title":{"text":"t"}}, {})`;
    expect(figureInPage(`${script}<script>${call}</script>`)).toEqual({
      data: [{ y: [1, 2], name: 'a ] b' }],
      layout: { title: { text: 't' } },
    });
    expect(figureInPage(`<script>${call}</script>`)).toBeNull();
    expect(figureInPage('<h1>A page</h1>')).toBeNull();
  });

  it('tell words from strings in programs', () => {
    const parts = highlight('import x  # it\nname = "def"', 'a.py');
    expect(parts.filter((part) => part.kind !== null)).toEqual([
      { kind: 'word', text: 'import' },
      { kind: 'comment', text: '# it' },
      { kind: 'string', text: '"def"' },
    ]);
    expect(parts.map((part) => part.text).join('')).toBe('import x  # it\nname = "def"');
  });

  it('spread open folders below their names, and say where there is more', () => {
    const file = (path: string) => ({ path, is_directory: false, size_bytes: 1 });
    const rows = flattenTree(
      new Map([
        [
          '',
          [
            {
              items: [{ path: 'a', is_directory: true, size_bytes: 0 }, file('b')],
              next_page_token: 'next',
            },
          ],
        ],
        ['a', [{ items: [file('a/c')], next_page_token: null }]],
      ]),
    );
    expect(rows.map((row) => [row.kind, row.path, row.depth])).toEqual([
      ['folder', 'a', 0],
      ['file', 'a/c', 1],
      ['file', 'b', 0],
      ['more', '', 0],
    ]);
    expect(parentsOf('a/b/c.txt')).toEqual(['a', 'a/b']);
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
