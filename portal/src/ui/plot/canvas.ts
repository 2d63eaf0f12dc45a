import { useEffect, useState, useSyncExternalStore, type RefObject } from 'react';

const darkScheme = window.matchMedia('(prefers-color-scheme: dark)');

export function useIsDark(): boolean {
  return useSyncExternalStore(
    (listener) => {
      darkScheme.addEventListener('change', listener);
      return () => darkScheme.removeEventListener('change', listener);
    },
    () => darkScheme.matches,
  );
}

/** The width that an element has, 0 until it is measured. */
export function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const watched = element.current;
    if (watched === null) return;
    const observer = new ResizeObserver(() => setWidth(watched.clientWidth));
    observer.observe(watched);
    return () => observer.disconnect();
  }, [element]);
  return width;
}

export interface Look {
  ink: string;
  soft: string;
  line: string;
  accent: string;
  surface: string;
  font: string;
}

export function lookOf(element: HTMLElement): Look {
  const style = getComputedStyle(element);
  const value = (name: string) => style.getPropertyValue(name).trim();
  return {
    ink: value('--ink'),
    soft: value('--ink-soft'),
    line: value('--line'),
    accent: value('--accent'),
    surface: value('--surface'),
    font: `11px ${style.fontFamily}`,
  };
}

/** A canvas cleared and scaled to the screen's pixels; null where there is none to draw on. */
export function prepare(
  canvas: HTMLCanvasElement | null,
  width: number,
  height: number,
): CanvasRenderingContext2D | null {
  const context = canvas?.getContext('2d') ?? null;
  if (canvas === null || context === null) return null;
  const ratio = window.devicePixelRatio;
  const pixels = { width: Math.round(width * ratio), height: Math.round(height * ratio) };
  if (canvas.width !== pixels.width || canvas.height !== pixels.height)
    Object.assign(canvas, pixels);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}
