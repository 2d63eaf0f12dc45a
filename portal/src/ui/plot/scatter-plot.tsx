import { useEffect, useMemo, useRef, useState } from 'react';
import { lookOf, prepare, useIsDark, useWidth } from './canvas';
import { linearTicks, logarithmicTicks, padded, place, type Scale } from './scale';
import type { ParallelAxis } from './parallel-plot';
import './plot.css';

export interface ScatterPlotProps {
  x: ParallelAxis;
  y: ParallelAxis;
  names: string[];
  colours: string[];
  logX: boolean;
  logY: boolean;
  format: (value: number) => string;
  label: string;
  height: number;
  onOpen: (index: number) => void;
}

const left = 76;
const right = 16;
const top = 12;
const bottom = 44;
const reach = 14;
const textMost = 11;

function scaleOf(axis: ParallelAxis, isLogarithmic: boolean, from: number, to: number): Scale {
  let { min, max } = axis;
  if (isLogarithmic) {
    const positive = axis.values.filter((value) => value !== null && value > 0) as number[];
    min = positive.reduce((a, b) => Math.min(a, b), Infinity);
    max = positive.reduce((a, b) => Math.max(a, b), -Infinity);
  }
  return { ...padded(min, max, isLogarithmic), isLogarithmic, from, to };
}

function ticksOf(axis: ParallelAxis, scale: Scale, count: number): number[] {
  if (axis.texts !== null) {
    const step = Math.max(1, Math.ceil(axis.texts.length / count));
    return axis.texts.flatMap((_, index) => (index % step === 0 ? [index] : []));
  }
  return scale.isLogarithmic
    ? logarithmicTicks(scale.min, scale.max, count)
    : linearTicks(scale.min, scale.max, count);
}

/** A point a run, of any two columns. */
export default function ScatterPlot(props: ScatterPlotProps) {
  const { x, y, names, colours, logX, logY, format, height, onOpen } = props;
  const holder = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useWidth(holder);
  const isDark = useIsDark();
  const [hovered, setHovered] = useState<number | null>(null);

  const points = useMemo(() => {
    const scaleX = scaleOf(x, logX && x.texts === null, left, Math.max(left + 10, width - right));
    const scaleY = scaleOf(y, logY && y.texts === null, height - bottom, top);
    const spots = names.map((_, index): [number, number] | null => {
      const a = x.values[index];
      const b = y.values[index];
      if (a === null || a === undefined || b === null || b === undefined) return null;
      if ((scaleX.isLogarithmic && a <= 0) || (scaleY.isLogarithmic && b <= 0)) return null;
      return [place(scaleX, a), place(scaleY, b)];
    });
    return { scaleX, scaleY, spots };
  }, [x, y, names, logX, logY, width, height]);

  useEffect(() => {
    const element = holder.current;
    const context = prepare(canvas.current, width, height);
    if (element === null || context === null || width === 0) return;
    const look = lookOf(element);
    const { scaleX, scaleY, spots } = points;
    context.font = look.font;
    context.strokeStyle = look.line;
    context.fillStyle = look.soft;
    context.textAlign = 'right';
    context.textBaseline = 'middle';
    const text = (axis: ParallelAxis, tick: number) =>
      (axis.texts?.[tick] ?? format(tick)).slice(0, textMost);
    for (const tick of ticksOf(y, scaleY, (height - top - bottom) / 44)) {
      const py = Math.round(place(scaleY, tick)) + 0.5;
      context.beginPath();
      context.moveTo(left, py);
      context.lineTo(width - right, py);
      context.stroke();
      context.fillText(text(y, tick), left - 6, py);
    }
    context.textAlign = 'center';
    context.textBaseline = 'top';
    for (const tick of ticksOf(x, scaleX, (width - left - right) / 90)) {
      context.fillText(text(x, tick), place(scaleX, tick), height - bottom + 6);
    }
    const size = names.length > 1000 ? 2.5 : 4;
    context.globalAlpha = names.length > 1000 ? 0.6 : 0.85;
    spots.forEach((spot, index) => {
      if (spot === null) return;
      context.fillStyle = colours[index] ?? look.soft;
      context.beginPath();
      context.arc(spot[0], spot[1], size, 0, 2 * Math.PI);
      context.fill();
    });
    context.globalAlpha = 1;
    const spot = hovered === null ? null : points.spots[hovered];
    if (spot !== null && spot !== undefined) {
      context.strokeStyle = look.ink;
      context.lineWidth = 2;
      context.beginPath();
      context.arc(spot[0], spot[1], size + 3, 0, 2 * Math.PI);
      context.stroke();
    }
  }, [points, x, y, names, colours, hovered, format, width, height, isDark]);

  const find = (event: React.PointerEvent) => {
    const box = event.currentTarget.getBoundingClientRect();
    const px = event.clientX - box.left;
    const py = event.clientY - box.top;
    let best: number | null = null;
    let bestDistance = reach * reach;
    points.spots.forEach((spot, index) => {
      if (spot === null) return;
      const distance = (spot[0] - px) ** 2 + (spot[1] - py) ** 2;
      if (distance < bestDistance) {
        bestDistance = distance;
        best = index;
      }
    });
    return best;
  };
  const spot = hovered === null ? null : points.spots[hovered];
  const shown = (axis: ParallelAxis, index: number) => {
    const value = axis.values[index];
    return value === null || value === undefined ? '–' : (axis.texts?.[value] ?? format(value));
  };
  return (
    <div
      ref={holder}
      className="plot"
      style={{ height, cursor: hovered === null ? 'default' : 'pointer' }}
      role="img"
      aria-label={props.label}
      onPointerMove={(event) => setHovered(find(event))}
      onPointerLeave={() => setHovered(null)}
      onPointerUp={() => {
        if (hovered !== null) onOpen(hovered);
      }}
    >
      <canvas ref={canvas} />
      <span className="axis-title axis-x cut">{x.label}</span>
      <span className="axis-title axis-y cut">{y.label}</span>
      {hovered !== null && spot !== null && spot !== undefined && (
        <div
          className="plot-tip"
          style={{
            top: spot[1],
            ...(spot[0] > width / 2 ? { right: width - spot[0] + 12 } : { left: spot[0] + 12 }),
          }}
        >
          <span className="run-dot" style={{ background: colours[hovered] }} />
          <span className="plot-tip-name">{names[hovered]}</span>
          <strong>{shown(y, hovered)}</strong>
          <span className="muted">{shown(x, hovered)}</span>
        </div>
      )}
    </div>
  );
}
