import { hasEscapes, parseAnsi, stripEscapes, type AnsiStyle } from './ansi';

export interface LogLine {
  text: string;
  /** The colours that an earlier line left switched on. */
  style: AnsiStyle | null;
}

export const keptLinesMax = 200_000;

/** What a terminal would show of a line that a progress bar has rewritten. */
function lastRewrite(line: string): string {
  const end = line.endsWith('\r') ? line.slice(0, -1) : line;
  const at = end.lastIndexOf('\r');
  return at < 0 ? end : end.slice(at + 1);
}

/**
 * The lines of a log as they arrive in pieces of any size; the last line may still be growing.
 * Beyond `keptLinesMax` the oldest go, so that a browser survives a job that talks for a week.
 */
export class LogBuffer {
  private readonly lines: LogLine[] = [];
  private partial = '';
  private partialStyle: AnsiStyle | null = null;
  private readonly listeners = new Set<() => void>();
  private notifyTimer: ReturnType<typeof setTimeout> | undefined;
  private version = 0;
  /** How many lines have been dropped from the front. */
  dropped = 0;
  longest = 0;

  get length(): number {
    return this.lines.length + (this.partial === '' ? 0 : 1);
  }

  at(index: number): LogLine | undefined {
    if (index === this.lines.length && this.partial !== '') {
      return { text: lastRewrite(this.partial), style: this.partialStyle };
    }
    return this.lines[index];
  }

  append(text: string): void {
    const parts = (this.partial + text).split('\n');
    this.partial = parts.pop() ?? '';
    for (const part of parts) this.add(part);
    if (this.partial.length > this.longest) this.longest = this.partial.length;
    const excess = this.lines.length - keptLinesMax;
    if (excess > keptLinesMax / 20) {
      this.lines.splice(0, excess);
      this.dropped += excess;
    }
    this.notifySoon();
  }

  /** Puts earlier text in front; it must end with a line break. */
  prepend(text: string): void {
    const earlier = new LogBuffer();
    earlier.append(text);
    const lines = earlier.lines.concat(this.lines);
    this.lines.length = 0;
    for (const line of lines) this.lines.push(line);
    this.longest = Math.max(this.longest, earlier.longest);
    this.notifySoon();
  }

  private add(raw: string): void {
    const text = lastRewrite(raw);
    this.lines.push({ text, style: this.partialStyle });
    if (text.length > this.longest) this.longest = text.length;
    if (hasEscapes(text)) this.partialStyle = parseAnsi(text, this.partialStyle).end;
  }

  plainText(): string {
    const all: string[] = [];
    for (let index = 0; index < this.length; index++)
      all.push(stripEscapes(this.at(index)?.text ?? ''));
    return all.join('\n');
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readVersion = (): number => this.version;

  // A job may print thousands of lines a second; the page is drawn at most twelve times.
  private notifySoon(): void {
    this.notifyTimer ??= setTimeout(() => {
      this.notifyTimer = undefined;
      this.version += 1;
      for (const listener of this.listeners) listener();
    }, 80);
  }
}

/** The lines that contain a text; asked again after more has arrived it looks only at what is new. */
export class LogSearch {
  readonly matches: number[] = [];
  private upTo = 0;
  private readonly needle: string;
  private readonly droppedAtStart: number;

  constructor(
    private readonly buffer: LogBuffer,
    query: string,
  ) {
    this.needle = query.toLowerCase();
    this.droppedAtStart = buffer.dropped;
  }

  get isStale(): boolean {
    return this.buffer.dropped !== this.droppedAtStart;
  }

  advance(): number {
    // The last line may still grow, so it is looked at again.
    while (this.matches.at(-1) !== undefined && (this.matches.at(-1) ?? 0) >= this.upTo) {
      this.matches.pop();
    }
    for (let index = this.upTo; index < this.buffer.length; index++) {
      const text = this.buffer.at(index)?.text ?? '';
      if (stripEscapes(text).toLowerCase().includes(this.needle)) this.matches.push(index);
    }
    this.upTo = Math.max(0, this.buffer.length - 1);
    return this.matches.length;
  }
}
