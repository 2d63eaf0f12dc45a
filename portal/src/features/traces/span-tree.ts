import type { JsonValue, Span, SpanEvent } from './types';

/** A span as a line of the tree: how deep it is, and whether it has spans below it. */
export interface SpanLine {
  span: Span;
  depth: number;
  hasChildren: boolean;
}

/** The spans that show, parents before their children as the server sends them. */
export function visibleLines(spans: Span[], collapsed: ReadonlySet<string>): SpanLine[] {
  const ids = new Set(spans.map((span) => span.id));
  const parents = new Set(spans.map((span) => span.parent_id));
  const depths = new Map<string, number>();
  const hidden = new Set<string>();
  const lines: SpanLine[] = [];
  for (const span of spans) {
    const parent = span.parent_id !== null && ids.has(span.parent_id) ? span.parent_id : null;
    const depth = parent === null ? 0 : (depths.get(parent) ?? 0) + 1;
    depths.set(span.id, depth);
    if (parent !== null && (hidden.has(parent) || collapsed.has(parent))) {
      hidden.add(span.id);
      continue;
    }
    lines.push({ span, depth, hasChildren: parents.has(span.id) });
  }
  return lines;
}

/** The end of the last span, in microseconds from the start of the first; never 0. */
export function lengthOf(spans: Span[]): number {
  return spans.reduce((end, span) => Math.max(end, span.offset_us + (span.duration_us ?? 0)), 1);
}

export function showValue(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value, null, 2);
}

export function textOfAttribute(event: SpanEvent, name: string): string | null {
  const value = event.attributes[name];
  return typeof value === 'string' ? value : null;
}

export function isException(event: SpanEvent): boolean {
  return event.name === 'exception';
}

/** What a person types as a feedback: yes and no, a number, or a text. */
export function parseFeedback(text: string): JsonValue {
  const trimmed = text.trim();
  if (trimmed === 'true') return true;
  if (trimmed === 'false') return false;
  if (trimmed !== '' && Number.isFinite(Number(trimmed))) return Number(trimmed);
  return trimmed;
}

/** Of a whole trace, which is measured in milliseconds. */
export function formatTraceDuration(milliseconds: number): string {
  return milliseconds === 0 ? '< 1 ms' : formatMicroseconds(milliseconds * 1000);
}

export function formatMicroseconds(value: number): string {
  if (value >= 10_000_000) return `${(value / 1e6).toFixed(1)} s`;
  if (value >= 1_000_000) return `${(value / 1e6).toFixed(2)} s`;
  if (value >= 100_000) return `${(value / 1000).toFixed(0)} ms`;
  if (value >= 1000) return `${(value / 1000).toFixed(1)} ms`;
  return `${value} µs`;
}
