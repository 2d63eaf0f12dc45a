import { describe, expect, it } from 'vitest';
import { hasRole } from '../../api/permissions';
import type { CodeFile, Lineage, Session } from '../../api/types';
import { differingFiles, diffLines } from './code-difference';
import { changedParameters, forkParameters } from './fork';
import { versionsMadeFrom } from './made-versions';
import { differingPackages, parsePackages } from './packages';

describe('a fork', () => {
  const job = {
    command: ['python3', 'train.py', '--learning-rate', '0.1', 'depth=3', '--quick'],
    parameters: { seed: '1' },
  };
  const run = { parameters: { learning_rate: '0.1', depth: '3', optimizer: 'adam', seed: '1' } };

  it('offers the parameters that it can change', () => {
    expect(forkParameters(job, run).map((one) => [one.name, one.old])).toEqual([
      ['depth', '3'],
      ['learning_rate', '0.1'],
      ['seed', '1'],
    ]);
  });

  it('says only what differs', () => {
    const [depth, rate, seed] = forkParameters(job, run);
    if (depth === undefined || rate === undefined || seed === undefined) throw new Error('absent');
    const added = { name: ' quick ', old: null, value: 'no' };
    const unnamed = { name: ' ', old: null, value: 'x' };
    expect(changedParameters([depth, { ...rate, value: '0.2' }, seed, added, unnamed])).toEqual({
      learning_rate: '0.2',
      quick: 'no',
    });
  });
});

describe('code', () => {
  const file = (path: string, sha256: string): CodeFile => ({
    path,
    sha256,
    size_bytes: 1,
    executable: false,
  });

  it('differs by the files that were added, removed and changed', () => {
    const before = [file('a.py', '1'), file('b.py', '2'), file('same.py', '3')];
    const after = [file('b.py', '9'), file('c.py', '4'), file('same.py', '3')];
    expect(differingFiles(before, after).map((one) => [one.path, one.change])).toEqual([
      ['a.py', 'removed'],
      ['b.py', 'changed'],
      ['c.py', 'added'],
    ]);
    expect(differingFiles(before, before)).toEqual([]);
    const executable = { ...file('a.py', '1'), executable: true };
    expect(differingFiles([file('a.py', '1')], [executable])).toHaveLength(1);
  });

  it('differs by lines, with those around them and their numbers', () => {
    const text = Array.from({ length: 20 }, (_, index) => `line ${index + 1}\n`);
    const changed = text.with(9, 'another\n');
    const lines = diffLines(text.join(''), changed.join(''));
    expect(lines?.map((line) => [line.kind, line.before, line.after])).toEqual([
      ['gap', null, null],
      ['same', 7, 7],
      ['same', 8, 8],
      ['same', 9, 9],
      ['removed', 10, null],
      ['added', null, 10],
      ['same', 11, 11],
      ['same', 12, 12],
      ['same', 13, 13],
    ]);
    expect(diffLines('a\n', 'a\n')).toEqual([]);
    expect(diffLines('', 'new\n')?.map((line) => line.kind)).toEqual(['added']);
  });

  it('that has nothing in common is not compared for ever', () => {
    const many = (word: string) => Array.from({ length: 9000 }, (_, at) => `${word} ${at}\n`);
    expect(diffLines(many('a').join(''), many('b').join(''))).toBeNull();
  });
});

describe('environments', () => {
  it('differ by packages, however their names are written', () => {
    const left = parsePackages(
      '# by uv\nNumPy==1.26.4\nscikit_learn==1.5.0 ; python_version > "3"\n',
    );
    const right = parsePackages('numpy==2.0.1\nscikit-learn==1.5.0\n    # via x\ntorch==2.4.0\n');
    expect(differingPackages([left, right])).toEqual([
      { name: 'numpy', versions: ['1.26.4', '2.0.1'] },
      { name: 'torch', versions: [null, '2.4.0'] },
    ]);
  });
});

describe('versions made from a run', () => {
  it('are its own, and not those of runs that read its model', () => {
    const node = (id: string) => ({
      id,
      kind: id.split(':')[0] as 'run',
      ref: id,
      name: id,
      detail: '',
      state: '',
      missing: false,
    });
    const lineage: Lineage = {
      start: 'run:1',
      nodes: [
        'run:1',
        'logged_model:1',
        'model_version:a/1',
        'run:2',
        'model_version:b/1',
        'model_version:c/1',
      ].map(node),
      edges: [
        { from: 'run:1', to: 'logged_model:1' },
        { from: 'logged_model:1', to: 'model_version:a/1' },
        { from: 'logged_model:1', to: 'run:2' },
        { from: 'run:2', to: 'model_version:b/1' },
        { from: 'run:1', to: 'model_version:c/1' },
      ],
      shortened: false,
    };
    expect(versionsMadeFrom(lineage).map((one) => one.id)).toEqual([
      'model_version:c/1',
      'model_version:a/1',
    ]);
  });
});

describe('a role', () => {
  const session = (admin: boolean): Session =>
    ({ user: { admin }, projects: [{ name: 'ours', role: 'developer' }] }) as Session;

  it('holds in its project, and everywhere for administrators', () => {
    expect(hasRole(session(false), 'ours', 'developer')).toBe(true);
    expect(hasRole(session(false), 'ours', 'owner')).toBe(false);
    expect(hasRole(session(false), 'theirs', 'viewer')).toBe(false);
    expect(hasRole(session(true), 'theirs', 'owner')).toBe(true);
    expect(hasRole(undefined, 'ours', 'viewer')).toBe(false);
  });
});
