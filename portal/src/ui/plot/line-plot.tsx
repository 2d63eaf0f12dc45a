import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { currentLanguage } from '../../i18n';
import { formatAxisTime, formatClock } from '../../i18n/format';
import { lookOf, prepare, useIsDark, useWidth, type Look } from './canvas';
import {
  linearTicks,
  logarithmicTicks,
  nearestIndex,
  padded,
  place,
  timeTicks,
  valueAt,
  type Scale,
} from './scale';
import './plot.css';

export interface Line {
  id: string;
  label: string;
  colour: string;
  /** Going forward. */
  x: number[];
  y: (number | null)[];
  /** The values before they were smoothed; drawn faintly behind. */
  raw?: (number | null)[] | undefined;
}

export interface LinePlotProps {
  lines: Line[];
  axis: 'number' | 'time' | 'elapsed';
  /** What the chart shows, for those who cannot see it. */
  label: string;
  height: number;
  logX?: boolean;
  logY?: boolean;
  formatX: (value: number) => string;
  formatY: (value: number) => string;
  /** The line that is pointed at elsewhere. */
  highlighted?: string | null;
  onHighlight?: (id: string | null) => void;
}

const left = 56;
const right = 10;
const top = 8;
const bottom = 22;
const reach = 40;

interface Hover {
  line: Line;
  index: number;
}

function extent(lines: Line[], axis: 'x' | 'y', isLogarithmic: boolean, within?: [number, number]) {
  let min = Infinity;
  let max = -Infinity;
  const take = (value: number | null | undefined) => {
    if (value === null || value === undefined || (isLogarithmic && value <= 0)) return;
    if (value < min) min = value;
    if (value > max) max = value;
  };
  for (const line of lines) {
    for (let index = 0; index < line.x.length; index++) {
      const x = line.x[index] ?? 0;
      if (within !== undefined && (x < within[0] || x > within[1])) continue;
      if (axis === 'x') take(x);
      else {
        take(line.y[index]);
        take(line.raw?.[index]);
      }
    }
  }
  return { min, max };
}

function trace(
  context: CanvasRenderingContext2D,
  line: Line,
  values: (number | null)[],
  x: Scale,
  y: Scale,
) {
  context.beginPath();
  let isDown = false;
  let points = 0;
  for (let index = 0; index < line.x.length; index++) {
    const value = values[index];
    const at = line.x[index] ?? 0;
    if (value === null || value === undefined || (y.isLogarithmic && value <= 0)) {
      isDown = false;
      continue;
    }
    if (x.isLogarithmic && at <= 0) continue;
    const px = place(x, at);
    const py = place(y, value);
    if (isDown) context.lineTo(px, py);
    else context.moveTo(px, py);
    isDown = true;
    points += 1;
    if (points === 1) {
      // One value alone is still to be seen.
      context.arc(px, py, line.x.length === 1 ? 2.5 : 0.1, 0, 2 * Math.PI);
      context.moveTo(px, py);
    }
  }
  context.stroke();
}

/** Lines of hundreds of runs on one canvas: drag to zoom, double-click to see all. */
export default function LinePlot(props: LinePlotProps) {
  const { lines, axis, height, logX = false, logY = false, formatX, formatY } = props;
  const { highlighted, onHighlight } = props;
  const holder = useRef<HTMLDivElement>(null);
  const base = useRef<HTMLCanvasElement>(null);
  const over = useRef<HTMLCanvasElement>(null);
  const width = useWidth(holder);
  const isDark = useIsDark();
  const [zoom, setZoom] = useState<[number, number] | null>(null);
  const [hover, setHover] = useState<Hover | null>(null);
  const [drag, setDrag] = useState<[number, number] | null>(null);

  const scales = useMemo(() => {
    const all = extent(lines, 'x', logX);
    const within = zoom ?? undefined;
    const xRange = within ?? [all.min, all.max];
    const yRange = extent(lines, 'y', logY, within);
    const isFlat = xRange[0] === xRange[1] || !Number.isFinite(xRange[0]);
    const spread = isFlat ? padded(xRange[0], xRange[1], logX) : { min: xRange[0], max: xRange[1] };
    const x: Scale = {
      ...spread,
      isLogarithmic: logX,
      from: left,
      to: Math.max(left + 10, width - right),
    };
    const y: Scale = {
      ...padded(yRange.min, yRange.max, logY),
      isLogarithmic: logY,
      from: height - bottom,
      to: top,
    };
    return { x, y };
  }, [lines, logX, logY, zoom, width, height]);

  const formatTickX = useCallback(
    (value: number) =>
      axis === 'time'
        ? formatAxisTime(new Date(value * 1000), scales.x.max - scales.x.min, currentLanguage())
        : formatX(value),
    [axis, formatX, scales],
  );

  useEffect(() => {
    const element = holder.current;
    const context = prepare(base.current, width, height);
    if (element === null || context === null || width === 0) return;
    const look = lookOf(element);
    drawAxes(context, look, scales, width, height, axis, formatTickX, formatY);
    context.save();
    context.beginPath();
    context.rect(left, top - 2, width - left - right + 2, height - top - bottom + 4);
    context.clip();
    context.lineJoin = 'round';
    // The more lines, the finer each, so that a crowd stays a cloud and not a block.
    const strength = lines.length > 60 ? 0.55 : lines.length > 20 ? 0.8 : 1;
    for (const line of lines) {
      context.strokeStyle = line.colour;
      if (line.raw !== undefined) {
        context.globalAlpha = 0.22 * strength;
        context.lineWidth = 1;
        trace(context, line, line.raw, scales.x, scales.y);
      }
      context.globalAlpha = strength;
      context.lineWidth = lines.length > 60 ? 1 : 1.5;
      trace(context, line, line.y, scales.x, scales.y);
    }
    context.restore();
  }, [lines, scales, width, height, axis, formatTickX, formatY, isDark]);

  const shownId = hover?.line.id ?? highlighted ?? null;
  useEffect(() => {
    const element = holder.current;
    const context = prepare(over.current, width, height);
    if (element === null || context === null || width === 0) return;
    const look = lookOf(element);
    const line = lines.find((one) => one.id === shownId);
    if (line !== undefined) {
      context.lineJoin = 'round';
      context.strokeStyle = look.surface;
      context.lineWidth = 5;
      trace(context, line, line.y, scales.x, scales.y);
      context.strokeStyle = line.colour;
      context.lineWidth = 2.5;
      trace(context, line, line.y, scales.x, scales.y);
    }
    if (hover !== null) {
      const px = place(scales.x, hover.line.x[hover.index] ?? 0);
      const py = place(scales.y, hover.line.y[hover.index] ?? 0);
      context.fillStyle = hover.line.colour;
      context.beginPath();
      context.arc(px, py, 4, 0, 2 * Math.PI);
      context.fill();
    }
    if (drag !== null) {
      context.fillStyle = look.accent;
      context.globalAlpha = 0.15;
      context.fillRect(drag[0], top, drag[1] - drag[0], height - top - bottom);
      context.globalAlpha = 1;
    }
  }, [lines, shownId, hover, drag, scales, width, height, isDark]);

  const nearest = (px: number, py: number): Hover | null => {
    const x = valueAt(scales.x, px);
    let best: Hover | null = null;
    let bestDistance = reach * reach;
    for (const line of lines) {
      if (line.x.length === 0) continue;
      const index = nearestIndex(line.x, x);
      const value = line.y[index];
      if (value === null || value === undefined) continue;
      const dx = place(scales.x, line.x[index] ?? 0) - px;
      const dy = place(scales.y, value) - py;
      const distance = dx * dx + dy * dy;
      if (distance < bestDistance) {
        bestDistance = distance;
        best = { line, index };
      }
    }
    return best;
  };
  const spot = (event: React.PointerEvent): [number, number] => {
    const box = event.currentTarget.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const show = (next: Hover | null) => {
    setHover(next);
    if ((next?.line.id ?? null) !== (hover?.line.id ?? null)) onHighlight?.(next?.line.id ?? null);
  };

  return (
    <div
      ref={holder}
      className="plot"
      style={{ height }}
      role="img"
      aria-label={props.label}
      onPointerDown={(event) => {
        if (event.button !== 0 || event.pointerType === 'touch') return;
        const [px] = spot(event);
        setDrag([px, px]);
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={(event) => {
        const [px, py] = spot(event);
        if (drag !== null) setDrag([drag[0], Math.min(Math.max(px, left), width - right)]);
        else show(nearest(px, py));
      }}
      onPointerUp={() => {
        if (drag !== null && Math.abs(drag[1] - drag[0]) > 4) {
          const ends = [valueAt(scales.x, drag[0]), valueAt(scales.x, drag[1])];
          ends.sort((one, other) => one - other);
          setZoom([ends[0] ?? 0, ends[1] ?? 1]);
        }
        setDrag(null);
      }}
      onPointerLeave={() => show(null)}
      onDoubleClick={() => setZoom(null)}
    >
      <canvas ref={base} />
      <canvas ref={over} />
      {hover !== null && drag === null && (
        <Tip
          hover={hover}
          x={place(scales.x, hover.line.x[hover.index] ?? 0)}
          y={place(scales.y, hover.line.y[hover.index] ?? 0)}
          width={width}
          formatX={(value) =>
            axis === 'time'
              ? formatClock(new Date(value * 1000), currentLanguage())
              : formatX(value)
          }
          formatY={formatY}
        />
      )}
    </div>
  );
}

interface TipProps {
  hover: Hover;
  x: number;
  y: number;
  width: number;
  formatX: (value: number) => string;
  formatY: (value: number) => string;
}

function Tip({ hover, x, y, width, formatX, formatY }: TipProps) {
  const value = hover.line.y[hover.index] ?? null;
  const isRight = x > width * 0.6;
  return (
    <div
      className="plot-tip"
      style={{ top: y, ...(isRight ? { right: width - x + 12 } : { left: x + 12 }) }}
    >
      <span className="run-dot" style={{ background: hover.line.colour }} />
      <span className="plot-tip-name">{hover.line.label}</span>
      <strong>{value === null ? '–' : formatY(value)}</strong>
      <span className="muted">{formatX(hover.line.x[hover.index] ?? 0)}</span>
    </div>
  );
}

function drawAxes(
  context: CanvasRenderingContext2D,
  look: Look,
  scales: { x: Scale; y: Scale },
  width: number,
  height: number,
  axis: LinePlotProps['axis'],
  formatX: (value: number) => string,
  formatY: (value: number) => string,
) {
  const { x, y } = scales;
  context.font = look.font;
  context.fillStyle = look.soft;
  context.strokeStyle = look.line;
  context.lineWidth = 1;
  const rows = (height - top - bottom) / 42;
  const yTicks = y.isLogarithmic
    ? logarithmicTicks(y.min, y.max, rows)
    : linearTicks(y.min, y.max, rows);
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  for (const tick of yTicks) {
    const py = Math.round(place(y, tick)) + 0.5;
    context.beginPath();
    context.moveTo(left, py);
    context.lineTo(width - right, py);
    context.stroke();
    context.fillText(formatY(tick), left - 6, py);
  }
  const columns = (width - left - right) / 78;
  const xTicks = x.isLogarithmic
    ? logarithmicTicks(x.min, x.max, columns)
    : axis === 'number'
      ? linearTicks(x.min, x.max, columns)
      : timeTicks(x.min, x.max, columns);
  context.textBaseline = 'top';
  for (const tick of xTicks) {
    const px = place(x, tick);
    context.textAlign = px < left + 14 ? 'left' : px > width - right - 14 ? 'right' : 'center';
    context.fillText(formatX(tick), px, height - bottom + 7);
  }
}
