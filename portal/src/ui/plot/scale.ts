/** From values to places on a chart, and the ticks between them. Pure. */

export interface Scale {
  min: number;
  max: number;
  isLogarithmic: boolean;
  /** Pixels of `min` and `max`. */
  from: number;
  to: number;
}

function spread(scale: Scale, value: number): number {
  return scale.isLogarithmic ? Math.log(value) : value;
}

export function place(scale: Scale, value: number): number {
  const low = spread(scale, scale.min);
  const high = spread(scale, scale.max);
  if (high === low) return (scale.from + scale.to) / 2;
  return scale.from + ((spread(scale, value) - low) / (high - low)) * (scale.to - scale.from);
}

export function valueAt(scale: Scale, pixel: number): number {
  const low = spread(scale, scale.min);
  const high = spread(scale, scale.max);
  const value = low + ((pixel - scale.from) / (scale.to - scale.from)) * (high - low);
  return scale.isLogarithmic ? Math.exp(value) : value;
}

/** A range that holds the values, with room at both ends; one value alone gets room too. */
export function padded(
  min: number,
  max: number,
  isLogarithmic: boolean,
  share = 0.05,
): { min: number; max: number } {
  if (!Number.isFinite(min) || !Number.isFinite(max))
    return isLogarithmic ? { min: 1, max: 10 } : { min: 0, max: 1 };
  if (isLogarithmic) {
    const ratio = max / min;
    const factor = ratio === 1 ? 2 : ratio ** share;
    return { min: min / factor, max: max * factor };
  }
  const room = max === min ? Math.max(Math.abs(max) * 0.1, 1e-12) : (max - min) * share;
  return { min: min - room, max: max + room };
}

function niceStep(rough: number, factors: readonly number[]): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = factors.find((one) => one * power >= rough) ?? 10;
  return factor * power;
}

export function linearTicks(min: number, max: number, count: number): number[] {
  if (!(max > min)) return [min];
  const step = niceStep((max - min) / Math.max(1, count), [1, 2, 2.5, 5, 10]);
  const first = Math.ceil(min / step);
  const ticks = [];
  for (let index = first; index * step <= max + step * 1e-9; index++) {
    ticks.push(Number((index * step).toPrecision(12)));
  }
  return ticks;
}

export function logarithmicTicks(min: number, max: number, count: number): number[] {
  const low = Math.log10(min);
  const high = Math.log10(max);
  if (high - low < 1.2) return linearTicks(min, max, count).filter((tick) => tick > 0);
  const step = Math.max(1, Math.ceil((high - low) / Math.max(1, count)));
  const ticks = [];
  for (let power = Math.ceil(low); power <= high; power += step) ticks.push(10 ** power);
  return ticks;
}

const timeSteps = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
  172_800, 604_800, 1_209_600, 2_592_000, 7_776_000, 31_536_000,
];

/** Ticks of seconds, on whole minutes, hours and days. */
export function timeTicks(min: number, max: number, count: number): number[] {
  const rough = (max - min) / Math.max(1, count);
  if (rough < 0.5) return linearTicks(min, max, count);
  const step = timeSteps.find((one) => one >= rough) ?? 31_536_000;
  const ticks = [];
  for (let tick = Math.ceil(min / step) * step; tick <= max; tick += step) ticks.push(tick);
  return ticks;
}

/** The place of the value nearest to `wanted` in a sorted list. */
export function nearestIndex(sorted: readonly number[], wanted: number): number {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) < wanted) low = middle + 1;
    else high = middle;
  }
  const here = sorted[low] ?? 0;
  const before = sorted[low - 1];
  return before !== undefined && wanted - before < here - wanted ? low - 1 : low;
}
