import type { RunRow } from '../../api/types';
import { cellValue, parseColumnId } from './run-columns';

/** One column of runs as numbers that have a place: texts are numbered in their order. */
export interface AxisData {
  id: string;
  label: string;
  values: (number | null)[];
  min: number;
  max: number;
  /** The texts, where they are not numbers; a value is the place of its text. */
  texts: string[] | null;
}

function numberIn(value: string): number | null {
  if (value.trim() === '') return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}

export function axisOf(id: string, rows: RunRow[]): AxisData | null {
  const column = parseColumnId(id);
  if (column === null) return null;
  const isTime = column.kind === 'attributes' && column.key === 'start_time';
  const raw = rows.map((row) => {
    const value = cellValue(row, column);
    if (isTime && typeof value === 'string') return Date.parse(value);
    return value;
  });
  const numbers = raw.map((value) =>
    value === null ? null : typeof value === 'number' ? value : numberIn(value),
  );
  const isText = raw.some(
    (value, index) => value !== null && value !== 'NaN' && numbers[index] === null,
  );
  let values: (number | null)[] = numbers;
  let texts: string[] | null = null;
  if (isText && column.kind !== 'metrics') {
    texts = [...new Set(raw.flatMap((value) => (value === null ? [] : [String(value)])))].sort(
      (left, right) => left.localeCompare(right, undefined, { numeric: true }),
    );
    const places = new Map(texts.map((text, index) => [text, index]));
    values = raw.map((value) => (value === null ? null : (places.get(String(value)) ?? null)));
  }
  const known = values.filter((value) => value !== null);
  const min = known.length === 0 ? 0 : known.reduce((a, b) => Math.min(a, b));
  const max = known.length === 0 ? 1 : known.reduce((a, b) => Math.max(a, b));
  return { id, label: column.key, values, min, max, texts };
}

/** From blue by green to yellow, readable on light and dark, for the colour of a number. */
export function heat(share: number): string {
  const at = Math.min(1, Math.max(0, share));
  const lightness = 0.45 + 0.33 * at;
  const hue = 285 - 195 * at;
  return `oklch(${lightness.toFixed(3)} 0.13 ${hue.toFixed(0)})`;
}

export function shareOf(axis: AxisData, value: number): number {
  return axis.max === axis.min ? 0.5 : (value - axis.min) / (axis.max - axis.min);
}

/** Whether a run is inside every range that was brushed; one without a value there is not. */
export function isWithin(
  axes: AxisData[],
  brushes: ReadonlyMap<string, [number, number]>,
  index: number,
): boolean {
  return axes.every((axis) => {
    const range = brushes.get(axis.id);
    if (range === undefined) return true;
    const value = axis.values[index];
    return value !== null && value !== undefined && value >= range[0] && value <= range[1];
  });
}
