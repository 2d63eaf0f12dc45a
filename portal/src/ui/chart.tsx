import { useEffect, useMemo, useRef, useSyncExternalStore } from 'react';
import uPlot from 'uplot';
import { currentLanguage } from '../i18n';
import { formatAxisTime, formatClock } from '../i18n/format';
import 'uplot/dist/uPlot.min.css';
import './chart.css';

export interface ChartSeries {
  label: string;
  /** Which of the palette's colours. */
  colour: number;
  x: number[];
  y: (number | null)[];
  faint?: boolean;
}

export interface ChartProps {
  series: ChartSeries[];
  /** `time` is seconds since the epoch, `elapsed` seconds since a start. */
  axis: 'number' | 'time' | 'elapsed';
  /** What the chart shows, for those who cannot see it. */
  label: string;
  height?: number;
  logarithmic?: boolean;
  syncKey?: string;
  formatY: (value: number) => string;
  formatX?: (value: number) => string;
  /** What the horizontal axis counts. */
  labelX: string;
  /** Sizes in bytes: ticks on powers of two. */
  binary?: boolean;
  /** For amounts, where the distance from nothing is what matters. */
  fromZero?: boolean;
  legend?: boolean;
}

const darkScheme = window.matchMedia('(prefers-color-scheme: dark)');
const paletteSize = 8;
// uPlot.Scale.Distr.Logarithmic: an enum that exists in its types only.
// eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment
const logarithmicScale: uPlot.Scale.Distr = 3;
const powersOfTwo = Array.from({ length: 50 }, (_, power) => 2 ** power);

function useIsDark(): boolean {
  return useSyncExternalStore(
    (listener) => {
      darkScheme.addEventListener('change', listener);
      return () => darkScheme.removeEventListener('change', listener);
    },
    () => darkScheme.matches,
  );
}

export function seriesColour(index: number): string {
  return `var(--data-${(index % paletteSize) + 1})`;
}

function aligned(series: ChartSeries[]): uPlot.AlignedData {
  if (series.length === 0) return [[]];
  return uPlot.join(series.map((one): uPlot.AlignedData => [one.x, one.y]));
}

export default function Chart(props: ChartProps) {
  const { series, axis, height = 200, logarithmic = false, syncKey, legend = true } = props;
  const { labelX, binary = false, fromZero = false } = props;
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const isZoomed = useRef(false);
  const isDark = useIsDark();
  const data = useMemo(() => aligned(series), [series]);
  const dataNow = useRef(data);
  const formats = useRef({ y: props.formatY, x: props.formatX });
  useEffect(() => {
    dataNow.current = data;
    formats.current = { y: props.formatY, x: props.formatX };
  });

  // A chart is built anew only when its lines are others, not when they grow.
  const shape = JSON.stringify(series.map((one) => [one.label, one.colour, one.faint === true]));

  useEffect(() => {
    const element = holder.current;
    if (element === null) return;
    const style = getComputedStyle(element);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const seriesStroke = (index: number) => colour(`--data-${(index % paletteSize) + 1}`);
    const lines = JSON.parse(shape) as [string, number, boolean][];
    const axisLook = {
      stroke: colour('--ink-soft'),
      font: `11px ${style.fontFamily}`,
      grid: { stroke: colour('--line'), width: 1 },
      ticks: { stroke: colour('--line'), width: 1, size: 4 },
    };
    isZoomed.current = false;
    const options: uPlot.Options = {
      width: Math.max(120, element.clientWidth),
      height,
      scales: {
        x: { time: axis === 'time' },
        y: {
          ...(logarithmic ? { distr: logarithmicScale } : {}),
          ...(fromZero
            ? { range: (_: uPlot, _min: number, max: number) => [0, max > 0 ? max * 1.05 : 1] }
            : {}),
        },
      },
      legend: {
        show: legend,
        live: true,
        markers: {
          width: 0,
          fill: (_: uPlot, index: number) => {
            const line = lines[index - 1];
            return line === undefined ? 'transparent' : seriesStroke(line[1]);
          },
        },
      },
      cursor: {
        points: { size: 6 },
        ...(syncKey === undefined ? {} : { sync: { key: syncKey, setSeries: false } }),
      },
      axes: [
        {
          ...axisLook,
          size: 28,
          space: 64,
          values: (chart: uPlot, values: number[]) => {
            const { min, max } = chart.scales['x'] ?? {};
            const span = (max ?? 0) - (min ?? 0);
            return values.map((value) =>
              axis === 'time'
                ? formatAxisTime(new Date(value * 1000), span, currentLanguage())
                : (formats.current.x?.(value) ?? String(value)),
            );
          },
        },
        {
          ...axisLook,
          size: 58,
          ...(binary ? { incrs: powersOfTwo } : {}),
          values: (_: uPlot, values: (number | null)[]) =>
            values.map((value) => (value === null ? '' : formats.current.y(value))),
        },
      ],
      series: [
        {
          label: labelX,
          value: (_: uPlot, value: number | null) =>
            value === null
              ? '–'
              : axis === 'time'
                ? formatClock(new Date(value * 1000), currentLanguage())
                : (formats.current.x?.(value) ?? String(value)),
        },
        ...lines.map(([label, index, isFaint]): uPlot.Series => {
          const stroke = seriesStroke(index);
          return {
            label,
            stroke: isFaint ? `${stroke}55` : stroke,
            width: isFaint ? 1 : 1.5,
            spanGaps: true,
            ...(index >= paletteSize ? { dash: [6, 4] } : {}),
            points: { show: (u: uPlot) => u.data[0].length <= 2, size: 5 },
            value: (_: uPlot, value: number | null) =>
              value === null ? '–' : formats.current.y(value),
          };
        }),
      ],
      hooks: {
        setSelect: [
          (chart) => {
            if (chart.select.width > 0) isZoomed.current = true;
          },
        ],
        ready: [
          (chart) => {
            chart.over.addEventListener('dblclick', () => {
              isZoomed.current = false;
            });
          },
        ],
      },
    };
    const chart = new uPlot(options, dataNow.current, element);
    plot.current = chart;
    const observer = new ResizeObserver(() => {
      const width = element.clientWidth;
      if (width > 0 && width !== chart.width) chart.setSize({ width, height });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
      plot.current = null;
    };
  }, [shape, axis, labelX, binary, fromZero, height, logarithmic, syncKey, legend, isDark]);

  useEffect(() => {
    const chart = plot.current;
    if (chart === null) return;
    const { min, max } = chart.scales['x'] ?? {};
    if (isZoomed.current && typeof min === 'number' && typeof max === 'number') {
      chart.setData(data, false);
      chart.setScale('x', { min, max });
    } else {
      chart.setData(data);
    }
  }, [data]);

  return (
    <div
      ref={holder}
      className={series.length <= 2 ? 'chart single' : 'chart'}
      role="img"
      aria-label={props.label}
    />
  );
}
