import { useSyncExternalStore } from 'react';
import { formatDuration, formatExact, formatRelative } from '../i18n/format';
import { currentLanguage } from '../i18n';
import { useTranslation } from 'react-i18next';

// One clock for all: a page of a thousand rows still has one timer.
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const each of listeners) each();
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

function relative(at: string): string {
  return formatRelative(new Date(at), new Date(now), currentLanguage());
}

/** Drawn again only when its text changes, not at every tick of the clock. */
export function RelativeTime({ at }: { at: string | null | undefined }) {
  if (at === null || at === undefined) return <span className="muted">–</span>;
  return <KnownTime at={at} />;
}

function KnownTime({ at }: { at: string }) {
  useTranslation();
  const text = useSyncExternalStore(subscribe, () => relative(at));
  return (
    <time dateTime={at} title={formatExact(new Date(at), currentLanguage())} className="nowrap">
      {text}
    </time>
  );
}

interface DurationProps {
  from: string | null;
  to: string | null;
}

export function Duration({ from, to }: DurationProps) {
  useTranslation();
  const text = useSyncExternalStore(subscribe, () => {
    if (from === null) return null;
    const end = to === null ? now : new Date(to).getTime();
    return formatDuration(end - new Date(from).getTime(), currentLanguage());
  });
  if (text === null) return <span className="muted">–</span>;
  return <span className="numeric nowrap">{text}</span>;
}
