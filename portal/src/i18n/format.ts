import type { MetricNumber } from '../api/types';
import type { Language } from './index';

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

const units = {
  en: { day: 'd', hour: 'h', minute: 'm', second: 's', gap: ' ' },
  ko: { day: '일', hour: '시간', minute: '분', second: '초', gap: ' ' },
} as const;

/** At most two units, so that a column of durations stays narrow. */
export function formatDuration(milliseconds: number, language: Language): string {
  const unit = units[language];
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 10) {
    const rounded = Math.floor(seconds * 10) / 10;
    return `${rounded === 0 ? '0' : rounded.toFixed(1)}${unit.second}`;
  }
  const whole = Math.floor(seconds);
  const pair = (large: number, largeUnit: string, small: number, smallUnit: string) =>
    small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${unit.gap}${small}${smallUnit}`;
  if (whole < minute) return `${whole}${unit.second}`;
  if (whole < hour)
    return pair(Math.floor(whole / minute), unit.minute, whole % minute, unit.second);
  if (whole < day)
    return pair(
      Math.floor(whole / hour),
      unit.hour,
      Math.floor((whole % hour) / minute),
      unit.minute,
    );
  return pair(Math.floor(whole / day), unit.day, Math.floor((whole % day) / hour), unit.hour);
}

const byteUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

export function formatBytes(bytes: number): string {
  let value = bytes;
  let index = 0;
  while (Math.abs(value) >= 1024 && index < byteUnits.length - 1) {
    value /= 1024;
    index += 1;
  }
  const digits = index === 0 || Math.abs(value) >= 100 ? 0 : 1;
  return `${value.toFixed(digits).replace(/\.0$/, '')} ${byteUnits[index] ?? ''}`;
}

export function formatMebibytes(mebibytes: number): string {
  return formatBytes(mebibytes * 1024 * 1024);
}

export function formatCpu(milli: number): string {
  return String(milli < 100 ? Math.round(milli) / 1000 : Math.round(milli / 10) / 100);
}

/** Six significant digits, plain or scientific, whichever is shorter to read. */
export function formatMetric(value: MetricNumber): string {
  if (typeof value === 'string') return value;
  if (value === 0) return '0';
  const magnitude = Math.abs(value);
  if (Number.isInteger(value) && magnitude < 1e9) return String(value);
  if (magnitude >= 1e6 || magnitude < 1e-4) return value.toExponential(4).replace(/\.?0+e/, 'e');
  return String(Number(value.toPrecision(6)));
}

export function formatCount(value: number, language: Language): string {
  return new Intl.NumberFormat(language).format(value);
}

export function formatPercent(fraction: number, language: Language): string {
  return new Intl.NumberFormat(language, {
    style: 'percent',
    maximumFractionDigits: fraction === 0 || fraction >= 0.1 ? 0 : fraction >= 0.01 ? 1 : 2,
  }).format(fraction);
}

export function formatMilliseconds(value: number): string {
  if (value >= 10_000) return `${(value / 1000).toFixed(1)} s`;
  return `${value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)} ms`;
}

// A formatter costs far more to make than to use, and a list uses one in every row.
const relativeFormats = new Map<string, Intl.RelativeTimeFormat>();

function relativeFormat(language: Language, numeric: 'auto' | 'always'): Intl.RelativeTimeFormat {
  const key = language + numeric;
  const known = relativeFormats.get(key);
  if (known !== undefined) return known;
  const style = language === 'ko' ? 'long' : 'narrow';
  const made = new Intl.RelativeTimeFormat(language, { numeric, style });
  relativeFormats.set(key, made);
  return made;
}

const exactFormats = new Map<Language, Intl.DateTimeFormat>();

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 365 * day],
  ['month', 30 * day],
  ['day', day],
  ['hour', hour],
  ['minute', minute],
];

export function formatRelative(at: Date, now: Date, language: Language): string {
  const seconds = (at.getTime() - now.getTime()) / 1000;
  if (Math.abs(seconds) < 5) return relativeFormat(language, 'auto').format(0, 'second');
  const format = relativeFormat(language, 'always');
  for (const [unit, size] of steps) {
    if (Math.abs(seconds) >= size) return format.format(Math.trunc(seconds / size), unit);
  }
  return format.format(Math.trunc(seconds), 'second');
}

export function formatExact(at: Date, language: Language): string {
  let format = exactFormats.get(language);
  if (format === undefined) {
    format = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'long' });
    exactFormats.set(language, format);
  }
  return format.format(at);
}

export function formatClock(at: Date, language: Language): string {
  return new Intl.DateTimeFormat(language, {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  }).format(at);
}

/** For an axis of time that spans so many seconds: no finer than helps. */
export function formatAxisTime(at: Date, spanSeconds: number, language: Language): string {
  return new Intl.DateTimeFormat(language, {
    ...(spanSeconds > day ? { month: 'numeric', day: 'numeric' } : {}),
    hour: '2-digit',
    minute: '2-digit',
    ...(spanSeconds < 10 * minute ? { second: '2-digit' } : {}),
    hourCycle: 'h23',
  }).format(at);
}

/** The end of an id: ids begin with their time, so those of one afternoon share their first half. */
export function shortId(id: string): string {
  return id.length > 12 ? id.slice(-8) : id;
}

/** Cuts in the middle, where paths and generated names differ least. */
export function cutMiddle(text: string, length: number): string {
  if (text.length <= length) return text;
  const kept = length - 1;
  const tail = Math.floor(kept / 2);
  return `${text.slice(0, kept - tail)}…${text.slice(text.length - tail)}`;
}

const plainWord = /^[\w@%+=:,./-]+$/;

/** The command as one would type it in a shell. */
export function formatCommand(words: string[]): string {
  return words
    .map((word) => (plainWord.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(' ');
}

/** Splits what a person typed as a shell would; null when a quote stays open. */
export function splitCommand(text: string): string[] | null {
  const words: string[] = [];
  let word = '';
  let inWord = false;
  let quote: string | null = null;
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index);
    if (quote !== null) {
      if (character === quote) quote = null;
      else if (character === '\\' && quote === '"' && index + 1 < text.length) {
        index += 1;
        word += text.charAt(index);
      } else word += character;
    } else if (character === "'" || character === '"') {
      quote = character;
      inWord = true;
    } else if (character === '\\' && index + 1 < text.length) {
      index += 1;
      word += text.charAt(index);
      inWord = true;
    } else if (/\s/.test(character)) {
      if (inWord) words.push(word);
      word = '';
      inWord = false;
    } else {
      word += character;
      inWord = true;
    }
  }
  if (quote !== null) return null;
  if (inWord) words.push(word);
  return words;
}
