import type { Json } from '../../api/types';

export type PreviewKind =
  'image' | 'audio' | 'video' | 'pdf' | 'table' | 'json' | 'markdown' | 'page' | 'text' | 'none';

const kinds: [PreviewKind, RegExp][] = [
  ['image', /\.(png|jpe?g|gif|webp|bmp|svg|avif)$/i],
  ['audio', /\.(wav|mp3|ogg|flac|m4a|opus)$/i],
  ['video', /\.(mp4|webm|mov|m4v)$/i],
  ['pdf', /\.pdf$/i],
  ['table', /\.(csv|tsv)$/i],
  ['json', /\.json$/i],
  ['markdown', /\.(md|markdown)$/i],
  ['page', /\.html?$/i],
  [
    'text',
    /(\.(txt|log|jsonl|ya?ml|toml|ini|cfg|conf|py|r|sh|sql|xml|js|ts|tsx|css|env|lock|cpp|hpp|c|h|rs|go|java|diff|patch)|(^|\/)(MLmodel|Dockerfile|Makefile|LICENSE|README|requirements))$/i,
  ],
];

export function previewKind(path: string): PreviewKind {
  return kinds.find(([, pattern]) => pattern.test(path))?.[0] ?? 'none';
}

const shownRows = 500;

export interface PreviewTable {
  header: string[];
  rows: string[][];
}

/** Reads comma- or tab-separated text with quoted fields; null when it is not a table after all. */
export function parseTable(text: string, separator: string): PreviewTable | null {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let isQuoted = false;
  const endCell = () => {
    row.push(cell);
    cell = '';
  };
  const endRow = () => {
    endCell();
    if (row.length > 1 || row[0] !== '') rows.push(row);
    row = [];
  };
  for (let index = 0; index < text.length && rows.length <= shownRows; index++) {
    const character = text.charAt(index);
    if (isQuoted) {
      if (character !== '"') cell += character;
      else if (text.charAt(index + 1) === '"') {
        cell += '"';
        index += 1;
      } else isQuoted = false;
    } else if (character === '"' && cell === '') isQuoted = true;
    else if (character === separator) endCell();
    else if (character === '\n') endRow();
    else if (character !== '\r') cell += character;
  }
  if (cell !== '' || row.length > 0) endRow();
  const [header, ...body] = rows;
  return header === undefined ? null : { header, rows: body.slice(0, shownRows) };
}

function isObject(value: Json | undefined): value is Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function cellOf(value: Json | undefined): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The table in a JSON file: as mlflow.log_table writes it, or a list of records. */
export function tableInJson(value: Json): PreviewTable | null {
  if (isObject(value) && Array.isArray(value['columns']) && Array.isArray(value['data'])) {
    return {
      header: value['columns'].map(cellOf),
      rows: value['data']
        .slice(0, shownRows)
        .map((row) => (Array.isArray(row) ? row.map(cellOf) : [cellOf(row)])),
    };
  }
  if (Array.isArray(value) && value.length > 0 && value.every(isObject)) {
    const header = [...new Set(value.slice(0, shownRows).flatMap((row) => Object.keys(row)))];
    return {
      header,
      rows: value.slice(0, shownRows).map((row) => header.map((key) => cellOf(row[key]))),
    };
  }
  return null;
}

export interface PlotlyFigure {
  data: Json;
  layout: Json;
}

/** A Plotly figure that was written as JSON. */
export function figureInJson(value: Json): PlotlyFigure | null {
  if (!isObject(value) || !Array.isArray(value['data'])) return null;
  const layout = value['layout'];
  return isObject(layout) ? { data: value['data'], layout } : null;
}

/** The end of the JSON value that begins at a place; -1 where it does not end. */
function endOfJson(text: string, from: number): number {
  let depth = 0;
  let isString = false;
  for (let at = from; at < text.length; at++) {
    const character = text.charAt(at);
    if (isString) {
      if (character === '\\') at += 1;
      else if (character === '"') isString = false;
    } else if (character === '"') isString = true;
    else if (character === '[' || character === '{') depth += 1;
    else if (character === ']' || character === '}') {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return -1;
}

/**
 * The figure in a page that Plotly wrote without its library, which such a page would load from the
 * internet. Null for other pages, and for those that bring the library along.
 */
export function figureInPage(html: string): PlotlyFigure | null {
  if (!/<script[^>]+src="[^"]*plotly/i.test(html)) return null;
  const call = html.indexOf('Plotly.newPlot(');
  if (call < 0) return null;
  const dataFrom = html.indexOf('[', call);
  const dataTo = dataFrom < 0 ? -1 : endOfJson(html, dataFrom);
  const layoutFrom = dataTo < 0 ? -1 : html.indexOf('{', dataTo);
  const layoutTo = layoutFrom < 0 ? -1 : endOfJson(html, layoutFrom);
  if (layoutTo < 0) return null;
  try {
    return {
      data: JSON.parse(html.slice(dataFrom, dataTo)) as Json,
      layout: JSON.parse(html.slice(layoutFrom, layoutTo)) as Json,
    };
  } catch {
    return null;
  }
}
