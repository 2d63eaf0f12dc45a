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

export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

export function RelativeTime({ at }: { at: string | null | undefined }) {
  useTranslation();
  const current = useNow();
  if (at === null || at === undefined) return <span className="muted">–</span>;
  const date = new Date(at);
  const language = currentLanguage();
  return (
    <time dateTime={at} title={formatExact(date, language)} className="nowrap">
      {formatRelative(date, new Date(Math.max(current, 0)), language)}
    </time>
  );
}

export function Duration({ from, to }: { from: string | null; to: string | null }) {
  useTranslation();
  const current = useNow();
  if (from === null) return <span className="muted">–</span>;
  const end = to === null ? current : new Date(to).getTime();
  return (
    <span className="numeric nowrap">
      {formatDuration(end - new Date(from).getTime(), currentLanguage())}
    </span>
  );
}
