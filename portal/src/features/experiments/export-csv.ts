import { searchRows, type RowSearch } from '../../api/tracking';
import type { RunRow } from '../../api/types';
import { cellValue, columnName, type RunColumn } from './run-columns';

const pageSize = 5000;

function field(value: string | number | null): string {
  if (value === null) return '';
  const text = String(value);
  // A spreadsheet would run what begins like a formula.
  const safe = typeof value === 'string' && /^[=+@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function csvHeader(columns: RunColumn[]): string {
  return ['id', 'name', ...columns.map(columnName)].map(field).join(',');
}

export function csvLine(row: RunRow, columns: RunColumn[]): string {
  return [row.id, row.name, ...columns.map((column) => cellValue(row, column))]
    .map(field)
    .join(',');
}

/** All rows of a search, in the columns that are shown. */
export async function exportCsv(search: RowSearch, columns: RunColumn[]): Promise<Blob> {
  const lines = [csvHeader(columns)];
  let token: string | null = null;
  do {
    const page = await searchRows(search, { page_size: pageSize, page_token: token });
    for (const row of page.items) lines.push(csvLine(row, columns));
    token = page.next_page_token;
  } while (token !== null);
  // The mark tells spreadsheets that it is UTF-8.
  return new Blob(['\uFEFF', lines.join('\r\n'), '\r\n'], { type: 'text/csv;charset=utf-8' });
}

export function downloadBlob(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
