import type { ChartAxis } from '../../app/router';
import type { MetricNumber, MetricPoint } from '../../api/types';

/** A value that has a place on a chart; NaN and the infinities leave a gap. */
export function plottable(value: MetricNumber, isLogarithmic: boolean): number | null {
  if (typeof value !== 'number' || !Number.isFinite(value)) return null;
  return isLogarithmic && value <= 0 ? null : value;
}

export function toLine(
  points: MetricPoint[],
  axis: ChartAxis,
  isLogarithmic: boolean,
): { x: number[]; y: (number | null)[] } {
  const first = points[0];
  const start = first === undefined ? 0 : new Date(first.at).getTime();
  const placed = points.map((point) => {
    const at = new Date(point.at).getTime();
    const x = axis === 'step' ? point.step : axis === 'time' ? at / 1000 : (at - start) / 1000;
    return { x, y: plottable(point.value, isLogarithmic) };
  });
  // A chart's x must not go back, and clients may log steps in any order.
  placed.sort((left, right) => left.x - right.x);
  const line: { x: number[]; y: (number | null)[] } = { x: [], y: [] };
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
