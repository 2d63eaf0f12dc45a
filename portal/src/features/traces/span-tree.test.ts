import { describe, expect, it } from 'vitest';
import {
  formatMicroseconds,
  formatTraceDuration,
  lengthOf,
  parseFeedback,
  visibleLines,
} from './span-tree';
import type { Span } from './types';

function span(id: string, parent: string | null, offset = 0, duration: number | null = 10): Span {
  return {
    id,
    parent_id: parent,
    name: id,
    type: 'UNKNOWN',
    status: 'OK',
    status_message: '',
    offset_us: offset,
    duration_us: duration,
    inputs: null,
    outputs: null,
    attributes: {},
    events: [],
  };
}

const spans = [
  span('a', null, 0, 100),
  span('b', 'a'),
  span('c', 'b'),
  span('d', 'a', 90, 30),
  span('lost', 'gone'),
];

describe('the tree of spans', () => {
  it('knows how deep each span is', () => {
    const lines = visibleLines(spans, new Set());
    expect(lines.map((line) => [line.span.id, line.depth, line.hasChildren])).toEqual([
      ['a', 0, true],
      ['b', 1, true],
      ['c', 2, false],
      ['d', 1, false],
      ['lost', 0, false],
    ]);
  });

  it('hides all that is below what is collapsed', () => {
    const ids = (collapsed: string[]) =>
      visibleLines(spans, new Set(collapsed)).map((line) => line.span.id);
    expect(ids(['b'])).toEqual(['a', 'b', 'd', 'lost']);
    expect(ids(['a'])).toEqual(['a', 'lost']);
  });

  it('is as long as what ends last', () => {
    expect(lengthOf(spans)).toBe(120);
    expect(lengthOf([span('x', null, 0, null)])).toBe(1);
  });
});

describe('feedback', () => {
  it('is a number, a yes or no, or a text', () => {
    expect(parseFeedback(' 0.5 ')).toBe(0.5);
    expect(parseFeedback('true')).toBe(true);
    expect(parseFeedback('good')).toBe('good');
    expect(parseFeedback('')).toBe('');
  });
});

describe('durations', () => {
  it('of traces are never nothing', () => {
    expect([0, 5, 1500].map(formatTraceDuration)).toEqual(['< 1 ms', '5.0 ms', '1.50 s']);
  });

  it('have three digits', () => {
    expect([12, 1234, 123456, 1234567, 12345678].map(formatMicroseconds)).toEqual([
      '12 µs',
      '1.2 ms',
      '123 ms',
      '1.23 s',
      '12.3 s',
    ]);
  });
});
