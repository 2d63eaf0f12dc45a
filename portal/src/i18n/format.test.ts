import { describe, expect, it } from 'vitest';
import {
  cutMiddle,
  formatAxisTime,
  formatBytes,
  formatCommand,
  formatCpu,
  formatDuration,
  formatMetric,
  formatMilliseconds,
  formatPercent,
  formatRelative,
  shortId,
  splitCommand,
} from './format';

describe('formatDuration', () => {
  it.each([
    [0, '0s'],
    [-5, '0s'],
    [450, '0.4s'],
    [9_990, '9.9s'],
    [59_999, '59s'],
    [60_000, '1m'],
    [83_000, '1m 23s'],
    [3_600_000, '1h'],
    [5_820_000, '1h 37m'],
    [86_400_000 * 3 + 3_600_000 * 4, '3d 4h'],
  ])('writes %i ms as %s', (milliseconds, text) => {
    expect(formatDuration(milliseconds, 'en')).toBe(text);
  });

  it('uses Korean units', () => {
    expect(formatDuration(5_820_000, 'ko')).toBe('1시간 37분');
  });
});

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [1536, '1.5 KiB'],
    [1024 ** 3 * 64, '64 GiB'],
    [1024 ** 4 * 1.25, '1.3 TiB'],
  ])('writes %i as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe('formatMetric', () => {
  it.each([
    [0, '0'],
    [42, '42'],
    [0.123456789, '0.123457'],
    [1234567.891, '1.2346e+6'],
    [0.00001234, '1.234e-5'],
    [1e-7, '1e-7'],
    ['NaN', 'NaN'],
    ['-Infinity', '-Infinity'],
  ] as const)('writes %s as %s', (value, text) => {
    expect(formatMetric(value)).toBe(text);
  });
});

describe('small numbers', () => {
  it('writes CPUs, latencies and shares', () => {
    expect(formatCpu(1500)).toBe('1.5');
    expect(formatCpu(333)).toBe('0.33');
    expect(formatCpu(4)).toBe('0.004');
    expect(formatMilliseconds(0.6249)).toBe('0.62 ms');
    expect(formatMilliseconds(184.2)).toBe('184 ms');
    expect(formatMilliseconds(12_345)).toBe('12.3 s');
    expect(formatPercent(0, 'en')).toBe('0%');
    expect(formatPercent(0.00029, 'en')).toBe('0.03%');
    expect(formatPercent(0.25, 'en')).toBe('25%');
  });
});

describe('times', () => {
  const now = new Date('2026-11-22T12:00:00Z');
  it('tells how long ago in both languages', () => {
    expect(formatRelative(new Date('2026-11-22T11:59:58Z'), now, 'en')).toBe('now');
    expect(formatRelative(new Date('2026-11-22T09:00:00Z'), now, 'en')).toBe('3h ago');
    expect(formatRelative(new Date('2026-11-21T09:00:00Z'), now, 'ko')).toBe('1일 전');
    expect(formatRelative(new Date('2026-11-22T12:07:00Z'), now, 'ko')).toBe('7분 후');
  });

  it('shows seconds only where they matter', () => {
    const at = new Date(2026, 10, 22, 9, 5, 7);
    expect(formatAxisTime(at, 60, 'en')).toBe('09:05:07');
    expect(formatAxisTime(at, 7200, 'en')).toBe('09:05');
  });
});

describe('names', () => {
  it('cuts in the middle and keeps the end of an id', () => {
    expect(cutMiddle('abcdefghij', 10)).toBe('abcdefghij');
    expect(cutMiddle('abcdefghijk', 7)).toBe('abc…ijk');
    expect(shortId('019ab0c1d2e3f4a5b6c7d8e9f0a1b2c3')).toBe('f0a1b2c3');
    expect(shortId('torch')).toBe('torch');
  });
});

describe('commands', () => {
  it.each([
    [['python', 'train.py', '--lr=0.1'], 'python train.py --lr=0.1'],
    [['python', '-c', "print('hi')"], `python -c 'print('\\''hi'\\'')'`],
    [['echo', ''], "echo ''"],
  ])('writes %j as a shell would take it, and reads it back', (words, text) => {
    expect(formatCommand(words)).toBe(text);
    expect(splitCommand(text)).toEqual(words);
  });

  it('reads double quotes and escapes, and refuses an open quote', () => {
    expect(splitCommand(' a "b \\"c\\"" d\\ e ')).toEqual(['a', 'b "c"', 'd e']);
    expect(splitCommand('echo "open')).toBeNull();
    expect(splitCommand('  ')).toEqual([]);
  });
});
