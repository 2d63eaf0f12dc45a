import type { RunColumns } from '../../api/types';
import { quoted, searchName, type ColumnKind } from './run-columns';

/** What can be written at the end of the text before the caret. */
export interface Completion {
  /** Where what is being written begins. */
  from: number;
  /** What was written of it so far, in lower case, without quotes. */
  part: string;
  wants: 'key' | 'operator' | 'value' | 'and';
  /** The column that a value or an operator is for. */
  column: { kind: ColumnKind; key: string } | null;
}

interface Token {
  text: string;
  from: number;
  isClosed: boolean;
}

const quotes = `'"\``;
const operatorCharacters = '=!<>';

/** Splits as the server does; the last token may be unfinished. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const character = text.charAt(at);
    if (/\s/.test(character)) {
      at += 1;
      continue;
    }
    const from = at;
    let isClosed = true;
    if (operatorCharacters.includes(character)) {
      while (at < text.length && operatorCharacters.includes(text.charAt(at))) at += 1;
    } else if ('(),'.includes(character)) {
      at += 1;
    } else {
      while (at < text.length && !/[\s=!<>(),]/.test(text.charAt(at))) {
        const quote = text.charAt(at);
        at += 1;
        if (!quotes.includes(quote)) continue;
        const end = text.indexOf(quote, at);
        isClosed = end >= 0;
        at = isClosed ? end + 1 : text.length;
      }
    }
    tokens.push({ text: text.slice(from, at), from, isClosed });
  }
  return tokens;
}

function unquoted(text: string): string {
  return text.replace(/^['"`]/, '').replace(/['"`]$/, '');
}

const kinds: Record<string, ColumnKind> = {
  metric: 'metrics',
  metrics: 'metrics',
  param: 'params',
  params: 'params',
  parameter: 'params',
  parameters: 'params',
  tag: 'tags',
  tags: 'tags',
  attribute: 'attributes',
  attributes: 'attributes',
  attr: 'attributes',
  run: 'attributes',
};

export function columnOf(word: string): { kind: ColumnKind; key: string } {
  const dot = word.indexOf('.');
  const kind = dot < 0 ? undefined : kinds[word.slice(0, dot).toLowerCase()];
  return kind === undefined
    ? { kind: 'attributes', key: unquoted(word) }
    : { kind, key: unquoted(word.slice(dot + 1)) };
}

const words = new Set(['LIKE', 'ILIKE', 'IN', 'IS', 'NOT', 'NULL']);

export function completionAt(text: string): Completion {
  const tokens = tokenize(text);
  const last = tokens.at(-1);
  const isWriting = last !== undefined && (!last.isClosed || !/\s$/.test(text));
  const before = isWriting ? tokens.slice(0, -1) : tokens;
  const from = isWriting ? last.from : text.length;
  const part = isWriting ? unquoted(last.text).toLowerCase() : '';
  // Where the comparison that is being written began.
  let start = 0;
  before.forEach((token, index) => {
    if (token.text.toUpperCase() === 'AND') start = index + 1;
  });
  const clause = before.slice(start);
  const first = clause[0];
  if (first === undefined) return { from, part, wants: 'key', column: null };
  const column = columnOf(first.text);
  if (clause.length === 1) {
    // An operator that is complete is followed by its value at once: `a=`.
    if (isWriting && /^[=!<>]+$/.test(last.text))
      return { from: text.length, part: '', wants: 'value', column };
    return { from, part, wants: 'operator', column };
  }
  const rest = clause.slice(1);
  const isList = rest.some((token) => token.text === '(');
  const isOpen = isList && !rest.some((token) => token.text === ')');
  const operator = rest.filter(
    (token) => /^[=!<>]+$/.test(token.text) || words.has(token.text.toUpperCase()),
  );
  const values = rest.filter((token) => !operator.includes(token) && !'(),'.includes(token.text));
  const isNull = operator.some((token) => token.text.toUpperCase() === 'NULL');
  if (isNull || (values.length > 0 && !isOpen)) return { from, part, wants: 'and', column };
  if (operator.some((token) => token.text.toUpperCase() === 'IS'))
    return { from, part, wants: 'operator', column };
  return { from, part, wants: 'value', column };
}

export interface Suggestion {
  /** What is put in, from where the completion begins. */
  text: string;
  label: string;
  hint?: string;
}

const attributes: [string, 'text' | 'number'][] = [
  ['status', 'text'],
  ['run_name', 'text'],
  ['user_id', 'text'],
  ['start_time', 'number'],
  ['end_time', 'number'],
  ['run_id', 'text'],
  ['job_id', 'text'],
];

export function isNumeric(column: { kind: ColumnKind; key: string }): boolean {
  return (
    column.kind === 'metrics' ||
    (column.kind === 'attributes' &&
      attributes.some(([key, type]) => key === column.key && type === 'number'))
  );
}

const shown = 12;

export function suggestKeys(part: string, columns: RunColumns | undefined): Suggestion[] {
  const all: Suggestion[] = [
    ...(columns?.metrics ?? []).map((key) => ({ kind: 'metrics' as const, key })),
    ...(columns?.parameters ?? []).map((key) => ({ kind: 'params' as const, key })),
    ...(columns?.tags ?? []).map((key) => ({ kind: 'tags' as const, key })),
    ...attributes.map(([key]) => ({ kind: 'attributes' as const, key })),
  ].map((column) => ({
    text: searchName(column),
    label: column.key,
    hint: column.kind,
  }));
  const wanted = part.replaceAll('`', '');
  const rank = (one: Suggestion) => {
    const label = one.label.toLowerCase();
    if (label.startsWith(wanted) || `${one.hint ?? ''}.${label}`.startsWith(wanted)) return 0;
    return label.includes(wanted) ? 1 : 2;
  };
  const ranked = all.map((one) => ({ one, rank: rank(one) })).filter((entry) => entry.rank < 2);
  ranked.sort((left, right) => left.rank - right.rank);
  return ranked.slice(0, shown).map((entry) => entry.one);
}

export function suggestOperators(
  part: string,
  column: { kind: ColumnKind; key: string },
): Suggestion[] {
  const all = isNumeric(column)
    ? ['>', '>=', '<', '<=', '=', '!=']
    : column.kind === 'attributes'
      ? ['=', '!=', 'LIKE', 'ILIKE', ...(column.key === 'run_id' ? ['IN'] : [])]
      : ['=', '!=', 'LIKE', 'ILIKE', 'IS NULL', 'IS NOT NULL'];
  return all
    .filter((one) => one.toLowerCase().startsWith(part))
    .map((one) => ({ text: one, label: one }));
}

export function suggestValues(values: { value: string; count: number }[]): Suggestion[] {
  return values.slice(0, shown).map(({ value, count }) => ({
    text: quoted(value),
    label: value === '' ? "''" : value,
    hint: String(count),
  }));
}

export function applySuggestion(
  text: string,
  caret: number,
  completion: Completion,
  suggestion: Suggestion,
): { text: string; caret: number } {
  const before = text.slice(0, completion.from);
  const glue = before === '' || before.endsWith(' ') ? '' : ' ';
  const start = `${before}${glue}${suggestion.text} `;
  return { text: start + text.slice(caret).trimStart(), caret: start.length };
}
