import { describe, expect, it } from 'vitest';
import { parseAnsi, stripEscapes } from './ansi';
import { keptLinesMax, LogBuffer, LogSearch } from './log-buffer';
import { mergeJobs, prependJobs } from './live';
import { parsePairs } from './pairs';
import type { Job } from '../../api/types';

function linesOf(buffer: LogBuffer): string[] {
  return Array.from({ length: buffer.length }, (_, index) => buffer.at(index)?.text ?? '');
}

describe('LogBuffer', () => {
  it('joins pieces into lines, whatever they are cut at', () => {
    const buffer = new LogBuffer();
    for (const piece of ['one\ntw', 'o\r', '\nthr', 'ee']) buffer.append(piece);
    expect(linesOf(buffer)).toEqual(['one', 'two', 'three']);
    buffer.append('\n');
    expect(buffer.length).toBe(3);
  });

  it('shows what a progress bar wrote last', () => {
    const buffer = new LogBuffer();
    buffer.append('\r 0%\r 50%');
    expect(linesOf(buffer)).toEqual([' 50%']);
    buffer.append('\r100%\n');
    expect(linesOf(buffer)).toEqual(['100%']);
  });

  it('carries colours into the next line', () => {
    const buffer = new LogBuffer();
    buffer.append('\u001b[31mred\nstill\u001b[0m\nplain\n');
    expect(buffer.at(1)?.style?.foreground).toBe('var(--ansi-red)');
    expect(buffer.at(2)?.style).toBeNull();
  });

  it('puts earlier text in front', () => {
    const buffer = new LogBuffer();
    buffer.append('three\n');
    buffer.prepend('one\ntwo\n');
    expect(linesOf(buffer)).toEqual(['one', 'two', 'three']);
  });

  it('drops the oldest lines of an endless log', () => {
    const buffer = new LogBuffer();
    const count = Math.ceil(keptLinesMax * 1.1);
    buffer.append(Array.from({ length: count }, (_, index) => `line ${index}\n`).join(''));
    expect(buffer.length).toBe(keptLinesMax);
    expect(buffer.at(buffer.length - 1)?.text).toBe(`line ${count - 1}`);
    expect(buffer.dropped).toBe(count - keptLinesMax);
  });
});

describe('LogSearch', () => {
  it('finds text under colours, and looks only at what is new', () => {
    const buffer = new LogBuffer();
    buffer.append('Epoch 1 \u001b[36mloss\u001b[0m=2\nother\nepoch 2 lo');
    const search = new LogSearch(buffer, 'loss=');
    expect(search.advance()).toBe(1);
    buffer.append('ss=1\n');
    expect(search.advance()).toBe(2);
    expect(search.advance()).toBe(2);
    expect(search.matches).toEqual([0, 2]);
  });
});

describe('parseAnsi', () => {
  it('splits a line by style and knows the 256 and true colours', () => {
    const { segments } = parseAnsi('a\u001b[1;38;5;196mb\u001b[38;2;1;2;3mc\u001b[0md');
    expect(segments.map((segment) => segment.text)).toEqual(['a', 'b', 'c', 'd']);
    expect(segments[1]?.style).toMatchObject({ bold: true, foreground: 'rgb(255 0 0)' });
    expect(segments[2]?.style?.foreground).toBe('rgb(1 2 3)');
    expect(segments[3]?.style).toBeNull();
  });

  it('drops cursor movement, titles and background colours', () => {
    const text = '\u001b[2K\u001b]0;title\u0007\u001b[44mx\u001b[1A';
    expect(parseAnsi(text).segments).toEqual([{ text: 'x', style: null }]);
    expect(stripEscapes(text)).toBe('x');
  });
});

describe('live lists', () => {
  const job = (id: string, state: Job['state']) => ({ id, state }) as Job;
  const pages = (...ids: string[]) => ({
    pages: [{ items: ids.map((id) => job(id, 'running')), next_page_token: null }],
    pageParams: [null],
  });

  it('change in place and grow at the top', () => {
    const merged = mergeJobs(pages('b', 'a'), new Map([['a', job('a', 'failed')]]));
    expect(merged?.pages[0]?.items.map((one) => one.state)).toEqual(['running', 'failed']);
    const grown = prependJobs(merged, [job('c', 'queued'), job('b', 'running')]);
    expect(grown?.pages[0]?.items.map((one) => one.id)).toEqual(['c', 'b', 'a']);
  });

  it('stay the same object when nothing is new', () => {
    const data = pages('a');
    expect(prependJobs(data, [job('a', 'running')])).toBe(data);
    expect(mergeJobs(undefined, new Map())).toBeUndefined();
  });
});

describe('parsePairs', () => {
  it('reads name=value lines', () => {
    expect(parsePairs('a=1\n\n b = x=y \nflag')).toEqual({ a: '1', b: 'x=y', flag: '' });
  });
});
