import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, it } from 'vitest';
import { MarkdownText, safeAddress } from './markdown';

function html(text: string): string {
  return renderToStaticMarkup(<MarkdownText text={text} />);
}

describe('Markdown that people wrote', () => {
  it('becomes headings, lists, code and tables', () => {
    const shown = html(
      '# Iris\n\n- *three* kinds\n\n```\ncode\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n',
    );
    for (const part of ['<h3', '<li>', '<em>three</em>', '<pre>', '<table>'])
      expect(shown).toContain(part);
  });

  it('never becomes HTML or script', () => {
    for (const text of [
      '<script>alert(1)</script>',
      '<img src=x onerror=alert(1)>',
      'before <b onclick="alert(1)">bold</b>',
      '<iframe src="https://elsewhere"></iframe>',
      '[x](javascript:alert(1))',
      '[x](JaVaScRiPt:alert(1))',
      '[x](data:text/html,<script>alert(1)</script>)',
      '![x](https://elsewhere/spy.png)',
      '[x]: javascript:alert(1)\n\n[x]',
      '<javascript:alert(1)>',
    ]) {
      const shown = html(text);
      expect(shown, text).not.toMatch(/<(script|img|iframe|b)[ >]/i);
      expect(shown, text).not.toMatch(/(href|src)="(javascript|data):/i);
    }
  });

  it('leads to other pages only by known ways', () => {
    expect(safeAddress('https://example.org/a')).toBe('https://example.org/a');
    expect(safeAddress('/default/models')).toBe('/default/models');
    expect(safeAddress('//elsewhere')).toBeUndefined();
    expect(safeAddress('vbscript:x')).toBeUndefined();
    expect(html('[home](https://example.org)')).toContain('href="https://example.org"');
  });
});
