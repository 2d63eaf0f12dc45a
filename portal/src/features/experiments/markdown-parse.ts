export type Block =
  | { kind: 'heading'; level: number; text: string }
  | { kind: 'code'; language: string; text: string }
  | { kind: 'list'; isOrdered: boolean; items: string[] }
  | { kind: 'quote'; text: string }
  | { kind: 'rule' }
  | { kind: 'table'; header: string[]; rows: string[][] }
  | { kind: 'paragraph'; text: string };

export type Inline =
  | { kind: 'text' | 'code' | 'strong' | 'emphasis'; text: string }
  | { kind: 'link'; text: string; href: string };

function cells(line: string): string[] {
  return line
    .trim()
    .replace(/^\||\|$/g, '')
    .split('|')
    .map((cell) => cell.trim());
}

const item = /^\s*(?:[-*+]|\d+[.)])\s+/;
const starts = /^(?:#{1,6}\s|```|~~~|>|\s*(?:[-*+]|\d+[.)])\s|(?:-{3,}|\*{3,}|_{3,})\s*$)/;

/** The blocks of a Markdown text: headings, lists, code, tables, quotes, paragraphs. */
export function parseBlocks(text: string): Block[] {
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  const blocks: Block[] = [];
  let at = 0;
  const line = () => lines[at] ?? '';
  const takeWhile = (test: (text: string) => boolean) => {
    const taken: string[] = [];
    while (at < lines.length && test(line())) {
      taken.push(line());
      at += 1;
    }
    return taken;
  };
  while (at < lines.length) {
    const heading = /^(#{1,6})\s+(.*?)\s*#*$/.exec(line());
    const fence = /^(```|~~~)\s*([\w+-]*)/.exec(line());
    if (line().trim() === '') at += 1;
    else if (heading !== null) {
      blocks.push({ kind: 'heading', level: heading[1]?.length ?? 1, text: heading[2] ?? '' });
      at += 1;
    } else if (fence !== null) {
      at += 1;
      const code = takeWhile((one) => !one.startsWith(fence[1] ?? '```'));
      at += 1;
      blocks.push({ kind: 'code', language: fence[2] ?? '', text: code.join('\n') });
    } else if (/^(?:-{3,}|\*{3,}|_{3,})\s*$/.test(line())) {
      blocks.push({ kind: 'rule' });
      at += 1;
    } else if (line().startsWith('>')) {
      const quote = takeWhile((one) => one.startsWith('>'));
      blocks.push({ kind: 'quote', text: quote.map((one) => one.replace(/^>\s?/, '')).join(' ') });
    } else if (item.test(line())) {
      const isOrdered = /^\s*\d/.test(line());
      const items: string[] = [];
      for (const one of takeWhile((next) => item.test(next) || /^\s{2,}\S/.test(next))) {
        if (item.test(one)) items.push(one.replace(item, ''));
        else items.push(`${items.pop() ?? ''} ${one.trim()}`);
      }
      blocks.push({ kind: 'list', isOrdered, items });
    } else if (
      line().includes('|') &&
      /^\s*\|?[\s:|-]+$/.test(lines[at + 1] ?? '') &&
      (lines[at + 1] ?? '').includes('-')
    ) {
      const header = cells(line());
      at += 2;
      const rows = takeWhile((one) => one.includes('|')).map(cells);
      blocks.push({ kind: 'table', header, rows });
    } else {
      const first = line();
      at += 1;
      const rest = takeWhile((one) => one.trim() !== '' && !starts.test(one));
      blocks.push({ kind: 'paragraph', text: [first, ...rest].join(' ') });
    }
  }
  return blocks;
}

const marks =
  /`(?<code>[^`]+)`|\*\*(?<strong>[^*]+)\*\*|__(?<strong2>[^_]+)__|\*(?<emphasis>[^*\s][^*]*)\*|(?<!\w)_(?<emphasis2>[^_\s][^_]*)_(?!\w)|\[(?<label>[^\]]+)\]\((?<href>(?:[^()\s]|\([^()\s]*\))+)[^)]*\)/g;

/** Emphasis, code and links; only links to web pages and mail become links. */
export function parseInline(text: string): Inline[] {
  const parts: Inline[] = [];
  let at = 0;
  const plain = (to: number) => {
    if (to > at) parts.push({ kind: 'text', text: text.slice(at, to) });
  };
  for (const match of text.matchAll(marks)) {
    plain(match.index);
    at = match.index + match[0].length;
    const found = match.groups ?? {};
    const { code, label, href } = found;
    const strong = found['strong'] ?? found['strong2'];
    const emphasis = found['emphasis'] ?? found['emphasis2'];
    if (code !== undefined) parts.push({ kind: 'code', text: code });
    else if (strong !== undefined) parts.push({ kind: 'strong', text: strong });
    else if (emphasis !== undefined) parts.push({ kind: 'emphasis', text: emphasis });
    else if (label !== undefined && href !== undefined && /^(https?:|mailto:)/i.test(href))
      parts.push({ kind: 'link', text: label, href });
    else parts.push({ kind: 'text', text: label ?? match[0] });
  }
  plain(text.length);
  return parts;
}
