import { useEffect, useMemo, useRef, useState } from 'react';
import { lookOf, prepare, useIsDark, useWidth } from './canvas';
import { linearTicks } from './scale';
import './plot.css';

export interface ParallelAxis {
  id: string;
  label: string;
  min: number;
  max: number;
  values: (number | null)[];
  texts: string[] | null;
}

export interface ParallelPlotProps {
  axes: ParallelAxis[];
  names: string[];
  colours: string[];
  /** Whether the run at a place is inside what was brushed. */
  isLit: (index: number) => boolean;
  brushes: ReadonlyMap<string, [number, number]>;
  onBrush: (axis: string, range: [number, number] | null) => void;
  format: (value: number) => string;
  label: string;
  height: number;
}

const top = 34;
const bottom = 14;
const side = 70;
const reach = 8;
const labelMost = 9;

/** One vertical axis a column, a line a run; dragging along an axis keeps the runs of that range. */
export default function ParallelPlot(props: ParallelPlotProps) {
  const { axes, names, colours, isLit, brushes, onBrush, format, height } = props;
  const holder = useRef<HTMLDivElement>(null);
  const base = useRef<HTMLCanvasElement>(null);
  const over = useRef<HTMLCanvasElement>(null);
  const width = useWidth(holder);
  const isDark = useIsDark();
  const [hovered, setHovered] = useState<{ index: number; x: number; y: number } | null>(null);
  const drag = useRef<{ axis: number; from: number } | null>(null);

  const layout = useMemo(() => {
    const gap = axes.length > 1 ? (width - 2 * side) / (axes.length - 1) : 0;
    const xOf = (axis: number) => side + gap * axis;
    const yOf = (axis: ParallelAxis, value: number) => {
      const share = axis.max === axis.min ? 0.5 : (value - axis.min) / (axis.max - axis.min);
      return height - bottom - share * (height - top - bottom);
    };
    const valueOf = (axis: ParallelAxis, y: number) =>
      axis.min + ((height - bottom - y) / (height - top - bottom)) * (axis.max - axis.min);
    return { gap, xOf, yOf, valueOf };
  }, [axes, width, height]);

  useEffect(() => {
    const element = holder.current;
    const context = prepare(base.current, width, height);
    if (element === null || context === null || width === 0) return;
    const look = lookOf(element);
    const count = names.length;
    const draw = (index: number) => {
      context.beginPath();
      let isDown = false;
      axes.forEach((axis, place) => {
        const value = axis.values[index];
        if (value === null || value === undefined) {
          isDown = false;
          return;
        }
        const x = layout.xOf(place);
        const y = layout.yOf(axis, value);
        if (isDown) {
          const before = layout.xOf(place - 1);
          const last = axes[place - 1]?.values[index] ?? 0;
          const from = layout.yOf(axes[place - 1] ?? axis, last);
          const middle = (before + x) / 2;
          context.bezierCurveTo(middle, from, middle, y, x, y);
        } else context.moveTo(x, y);
        isDown = true;
      });
      context.stroke();
    };
    context.lineWidth = 1;
    context.strokeStyle = look.line;
    context.globalAlpha = 0.5;
    for (let index = 0; index < count; index++) if (!isLit(index)) draw(index);
    context.globalAlpha = count > 400 ? 0.35 : count > 100 ? 0.55 : 0.85;
    context.lineWidth = 1.25;
    for (let index = 0; index < count; index++) {
      if (!isLit(index)) continue;
      context.strokeStyle = colours[index] ?? look.soft;
      draw(index);
    }
    context.globalAlpha = 1;
    context.font = look.font;
    axes.forEach((axis, place) => {
      const x = layout.xOf(place);
      context.strokeStyle = look.soft;
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(x + 0.5, top);
      context.lineTo(x + 0.5, height - bottom);
      context.stroke();
      const range = brushes.get(axis.id);
      if (range !== undefined) {
        const from = layout.yOf(axis, range[1]);
        context.fillStyle = look.accent;
        context.globalAlpha = 0.3;
        context.fillRect(x - 7, from, 14, layout.yOf(axis, range[0]) - from);
        context.globalAlpha = 1;
      }
      const isLast = place === axes.length - 1;
      const tickX = isLast ? x + 6 : x - 6;
      context.textAlign = isLast ? 'left' : 'right';
      context.textBaseline = 'middle';
      const ticks = axis.texts?.map((_, index) => index) ?? linearTicks(axis.min, axis.max, 5);
      const step = Math.max(1, Math.ceil(ticks.length / 14));
      ticks.forEach((tick, index) => {
        if (index % step !== 0) return;
        const text = (axis.texts?.[tick] ?? format(tick)).slice(0, labelMost);
        const y = layout.yOf(axis, tick);
        context.lineWidth = 3;
        context.strokeStyle = look.surface;
        context.strokeText(text, tickX, y);
        context.fillStyle = look.soft;
        context.fillText(text, tickX, y);
      });
    });
  }, [axes, names, colours, isLit, brushes, layout, width, height, format, isDark]);

  useEffect(() => {
    const element = holder.current;
    const context = prepare(over.current, width, height);
    if (element === null || context === null || hovered === null) return;
    const look = lookOf(element);
    for (const [stroke, size] of [
      [look.surface, 6],
      [colours[hovered.index] ?? look.ink, 3],
    ] as const) {
      context.strokeStyle = stroke;
      context.lineWidth = size;
      context.beginPath();
      let last: [number, number] | null = null;
      axes.forEach((axis, place) => {
        const value = axis.values[hovered.index];
        if (value === null || value === undefined) {
          last = null;
          return;
        }
        const x = layout.xOf(place);
        const y = layout.yOf(axis, value);
        if (last === null) context.moveTo(x, y);
        else {
          const middle = (last[0] + x) / 2;
          context.bezierCurveTo(middle, last[1], middle, y, x, y);
        }
        last = [x, y];
      });
      context.stroke();
    }
  }, [hovered, axes, colours, layout, width, height, isDark]);

  const spot = (event: React.PointerEvent): [number, number] => {
    const box = event.currentTarget.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const axisAt = (x: number) => {
    const place = Math.round((x - side) / (layout.gap || 1));
    return Math.abs(layout.xOf(place) - x) <= 14 ? place : -1;
  };
  const find = (x: number, y: number) => {
    const place = Math.min(
      axes.length - 2,
      Math.max(0, Math.floor((x - side) / (layout.gap || 1))),
    );
    const left = axes[place];
    const right = axes[place + 1];
    if (left === undefined || right === undefined) return null;
    const share = (x - layout.xOf(place)) / (layout.gap || 1);
    // The same curve as is drawn, roughly: it eases in and out.
    const ease = share * share * (3 - 2 * share);
    let best = -1;
    let bestDistance = reach;
    for (let index = 0; index < names.length; index++) {
      if (!isLit(index)) continue;
      const a = left.values[index];
      const b = right.values[index];
      if (a === null || a === undefined || b === null || b === undefined) continue;
      const from = layout.yOf(left, a);
      const distance = Math.abs(from + (layout.yOf(right, b) - from) * ease - y);
      if (distance < bestDistance) {
        bestDistance = distance;
        best = index;
      }
    }
    return best < 0 ? null : { index: best, x, y };
  };

  return (
    <div
      ref={holder}
      className="plot parallel"
      style={{ height }}
      onPointerDown={(event) => {
        const [x, y] = spot(event);
        const axis = axisAt(x);
        if (axis < 0 || axes[axis] === undefined) return;
        drag.current = { axis, from: y };
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={(event) => {
        const [x, y] = spot(event);
        const axis = drag.current === null ? undefined : axes[drag.current.axis];
        if (drag.current === null || axis === undefined) {
          setHovered(find(x, y));
          return;
        }
        const ends = [layout.valueOf(axis, drag.current.from), layout.valueOf(axis, y)];
        ends.sort((one, other) => one - other);
        onBrush(axis.id, [ends[0] ?? 0, ends[1] ?? 0]);
      }}
      onPointerUp={(event) => {
        const [, y] = spot(event);
        const axis = drag.current === null ? undefined : axes[drag.current.axis];
        if (axis !== undefined && Math.abs(y - (drag.current?.from ?? y)) < 4)
          onBrush(axis.id, null);
        drag.current = null;
      }}
      onPointerLeave={() => setHovered(null)}
    >
      <div role="img" aria-label={props.label} className="plot-canvases">
        <canvas ref={base} />
        <canvas ref={over} />
      </div>
      {axes.map((axis, place) => (
        <span
          key={axis.id}
          className="parallel-label"
          title={axis.id}
          style={{
            left: Math.max(0, layout.xOf(place) - Math.max(40, layout.gap / 2)),
            width: Math.max(80, layout.gap),
          }}
        >
          {axis.label}
        </span>
      ))}
      {hovered !== null && (
        <div
          className="plot-tip"
          style={{
            top: Math.max(top, hovered.y),
            ...(hovered.x > width / 2
              ? { right: width - hovered.x + 12 }
              : { left: hovered.x + 12 }),
          }}
        >
          <span className="run-dot" style={{ background: colours[hovered.index] }} />
          <span className="plot-tip-name">{names[hovered.index]}</span>
        </div>
      )}
    </div>
  );
}
