import type { ChartAxis } from '../../app/router';
import type { MetricCurve, MetricNumber } from '../../api/types';

/** A value that has a place on a chart; NaN and the infinities leave a gap. */
export function plottable(value: MetricNumber | undefined, isLogarithmic: boolean): number | null {
  if (typeof value !== 'number' || !Number.isFinite(value)) return null;
  return isLogarithmic && value <= 0 ? null : value;
}

export interface PlacedLine {
  x: number[];
  y: (number | null)[];
}

export function toLine(curve: MetricCurve, axis: ChartAxis, isLogarithmic: boolean): PlacedLine {
  // Elapsed time is from the earliest point, which need not have the lowest step.
  const start = axis === 'relative' ? Math.min(...curve.times_ms) : 0;
  const placed = curve.steps.map((step, index) => {
    const at = curve.times_ms[index] ?? 0;
    const x = axis === 'step' ? step : axis === 'time' ? at / 1000 : (at - start) / 1000;
    return { x, y: plottable(curve.values[index], isLogarithmic) };
  });
  // A chart's x must not go back, and clients may log steps in any order.
  placed.sort((left, right) => left.x - right.x);
  const line: PlacedLine = { x: [], y: [] };
  for (const { x, y } of placed) {
    if (line.x.at(-1) === x) line.y[line.y.length - 1] = y;
    else {
      line.x.push(x);
      line.y.push(y);
    }
  }
  return line;
}

/** Exponential moving average without the pull towards zero at its start. */
export function smooth(values: (number | null)[], weight: number): (number | null)[] {
  if (weight <= 0) return values;
  let average = 0;
  let remaining = 1;
  return values.map((value) => {
    if (value === null) return null;
    average = average * weight + (1 - weight) * value;
    remaining *= weight;
    return average / (1 - remaining);
  });
}

/** Metrics by what stands before their first slash, those without one first, the system's last. */
export function sectionsOf(keys: string[]): { name: string; keys: string[] }[] {
  const sections = new Map<string, string[]>();
  for (const key of keys) {
    const slash = key.indexOf('/');
    const name = slash > 0 ? key.slice(0, slash) : '';
    const section = sections.get(name);
    if (section === undefined) sections.set(name, [key]);
    else section.push(key);
  }
  const rank = (name: string) => (name === '' ? 0 : name === 'system' ? 2 : 1);
  return [...sections]
    .map(([name, members]) => ({ name, keys: members.sort((a, b) => a.localeCompare(b)) }))
    .sort((a, b) => rank(a.name) - rank(b.name) || a.name.localeCompare(b.name));
}
