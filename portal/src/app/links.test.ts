import { describe, expect, it } from 'vitest';
import { readLegacyHash } from './legacy-links';
import { matchScore } from './palette-search';
import { listToText, parseSearch, stringifySearch, textToList } from './search';

describe('links of MLflow’s own interface', () => {
  it.each([
    ['#/experiments/1/runs/abc', { kind: 'run', run: 'abc' }],
    ['#/experiments/1/runs/abc/artifacts', { kind: 'run', run: 'abc' }],
    ['/experiments/7', { kind: 'experiment', experiment: '7' }],
    ['#/experiments', { kind: 'experiments' }],
    ['#/models', { kind: 'models' }],
    ['#/models/my%20model', { kind: 'model', model: 'my model', version: undefined }],
    ['#/models/iris/versions/3', { kind: 'model', model: 'iris', version: '3' }],
    ['#/compare-runs?runs=["a","b"]&experiments=["1"]', { kind: 'compare', runs: ['a', 'b'] }],
  ])('%s', (hash, target) => {
    expect(readLegacyHash(hash)).toEqual(target);
  });

  it.each(['', '#', '#main', '#/compare-runs?runs=nonsense', '#/unknown/1'])(
    'leaves %j alone',
    (hash) => {
      expect(readLegacyHash(hash)).toBeNull();
    },
  );
});

describe('search parameters', () => {
  it('read plainly and come back the same', () => {
    const text = stringifySearch({ state: 'failed', version: '3', none: undefined, empty: '' });
    expect(text).toBe('?state=failed&version=3');
    expect(parseSearch(text)).toEqual({ state: 'failed', version: '3' });
    expect(parseSearch(stringifySearch({ filter: "params.model = 'a&b'" }))).toEqual({
      filter: "params.model = 'a&b'",
    });
  });

  it('hold lists whose items may hold commas', () => {
    const items = ['m.val/loss', 'p.a,b'];
    expect(textToList(listToText(items))).toEqual(items);
    const text = stringifySearch({ columns: listToText(items) });
    expect(textToList(parseSearch(text)['columns'])).toEqual(items);
    expect(listToText([])).toBeUndefined();
    expect(textToList(undefined)).toEqual([]);
  });
});

describe('the palette', () => {
  it('wants every word, and prefers beginnings', () => {
    expect(matchScore('iris train', 'iris-training')).not.toBeNull();
    expect(matchScore('iris bert', 'iris-training')).toBeNull();
    const beginning = matchScore('train', 'train-iris') ?? 0;
    const middle = matchScore('train', 'retrainer') ?? 0;
    expect(beginning).toBeGreaterThan(middle);
    expect(matchScore('한국', '한국어로 보기')).not.toBeNull();
  });
});
