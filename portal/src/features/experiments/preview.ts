export type PreviewKind = 'image' | 'text' | 'table' | 'page' | 'none';

const kinds: [PreviewKind, RegExp][] = [
  ['image', /\.(png|jpe?g|gif|webp|bmp|svg|avif)$/i],
  ['table', /\.(csv|tsv)$/i],
  ['page', /\.html?$/i],
  [
    'text',
    /(\.(txt|log|json|jsonl|ya?ml|toml|ini|cfg|md|py|r|sh|sql|xml|js|ts|css|env|lock)|(^|\/)(MLmodel|Dockerfile|Makefile|LICENSE|README))$/i,
  ],
];

export function previewKind(path: string): PreviewKind {
  return kinds.find(([, pattern]) => pattern.test(path))?.[0] ?? 'none';
}

const shownRows = 500;

/** Reads comma- or tab-separated text with quoted fields; null when it is not a table after all. */
export function parseTable(
  text: string,
  separator: string,
): { header: string[]; rows: string[][] } | null {
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
