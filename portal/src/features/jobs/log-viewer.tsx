import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useDeferredValue, useEffect, useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { formatBytes, formatCount } from '../../i18n/format';
import { currentLanguage } from '../../i18n';
import { Button, IconButton } from '../../ui/button';
import { CopyButton } from '../../ui/copy';
import { Icon } from '../../ui/icon';
import { ErrorState } from '../../ui/states';
import { parseAnsi, type AnsiStyle } from './ansi';
import { LogSearch, type LogLine } from './log-buffer';
import { logPath, useLog } from './use-log';
import './log.css';

const lineHeight = 18;
const bottomSlack = 24;

interface LogViewerProps {
  project: string;
  job: string;
  replica: number;
  controls?: ReactNode;
  /** What is said while there is not a single line. */
  emptyText?: string;
}

export function LogViewer({ project, job, replica, controls, emptyText }: LogViewerProps) {
  const { t } = useTranslation();
  const { buffer, version, state, error, earlierBytes, loadEarlier } = useLog(
    project,
    job,
    replica,
  );
  const scroller = useRef<HTMLDivElement>(null);
  const searchField = useRef<HTMLInputElement>(null);
  const lastTop = useRef(0);
  const [isFollowing, setFollowing] = useState(true);
  const [isWrapped, setWrapped] = useState(() => window.innerWidth < 760);
  const [query, setQuery] = useState('');
  const needle = useDeferredValue(query.trim());
  const [currentMatch, setCurrentMatch] = useState(0);

  const [search, setSearch] = useState<LogSearch | null>(null);
  const [searchedFor, setSearchedFor] = useState('');
  if (searchedFor !== needle || search?.isStale === true) {
    setSearchedFor(needle);
    setSearch(needle === '' ? null : new LogSearch(buffer, needle));
    setCurrentMatch(0);
  }
  // Looks only at the lines that have come since the last time.
  const matchCount = search?.advance() ?? 0;

  const virtualizer = useVirtualizer({
    count: buffer.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => lineHeight,
    overscan: 30,
    initialRect: { width: 1000, height: 600 },
  });

  useEffect(() => {
    if (isFollowing && buffer.length > 0) {
      virtualizer.scrollToIndex(buffer.length - 1, { align: 'end' });
    }
  }, [isFollowing, version, buffer, virtualizer, isWrapped]);

  const onScroll = () => {
    const element = scroller.current;
    if (element === null) return;
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < bottomSlack;
    if (isAtEnd) setFollowing(true);
    else if (element.scrollTop < lastTop.current - 2) setFollowing(false);
    lastTop.current = element.scrollTop;
  };

  const goToMatch = (step: number) => {
    if (search === null || matchCount === 0) return;
    const next = (currentMatch + step + matchCount) % matchCount;
    setCurrentMatch(next);
    setFollowing(false);
    virtualizer.scrollToIndex(search.matches[next] ?? 0, { align: 'center' });
  };
  const currentLine = search?.matches[currentMatch];
  const language = currentLanguage();

  return (
    <div className="log-viewer">
      <div className="log-bar">
        <div className="log-search">
          <Icon name="search" size={14} />
          <input
            ref={searchField}
            data-page-search
            type="search"
            className="input small"
            placeholder={t('log.search')}
            aria-label={t('log.search')}
            value={query}
            onChange={(event) => setQuery(event.target.value)}
            onKeyDown={(event) => {
              if (event.nativeEvent.isComposing) return;
              if (event.key === 'Enter') goToMatch(event.shiftKey ? -1 : 1);
              else if (event.key === 'Escape') {
                setQuery('');
                scroller.current?.focus();
              } else return;
              event.preventDefault();
            }}
          />
        </div>
        {needle !== '' && (
          <span className="row tight" role="status">
            <span className="muted nowrap">
              {matchCount === 0
                ? t('log.no_match')
                : `${formatCount(currentMatch + 1, language)} / ${formatCount(matchCount, language)}`}
            </span>
            <IconButton icon="up" label={t('log.previous')} onClick={() => goToMatch(-1)} />
            <IconButton icon="down" label={t('log.next')} onClick={() => goToMatch(1)} />
          </span>
        )}
        {controls}
        <span className="grow" />
        <span className="log-status muted" role="status">
          {state === 'open' && (
            <>
              <span className="live-dot" aria-hidden="true" /> {t('log.live')}
            </>
          )}
          {state === 'waiting' && t('log.reconnecting')}
          {state === 'closed' &&
            error === null &&
            t('log.lines', { count: buffer.length, shown: formatCount(buffer.length, language) })}
        </span>
        <IconButton
          icon="follow"
          label={t('log.follow')}
          pressed={isFollowing}
          onClick={() => setFollowing(!isFollowing)}
        />
        <IconButton
          icon="wrap"
          label={t('log.wrap')}
          pressed={isWrapped}
          onClick={() => {
            setWrapped(!isWrapped);
            virtualizer.measure();
          }}
        />
        <CopyButton text={() => buffer.plainText()} label={t('log.copy')} />
        <a
          className="button quiet icon-only"
          href={logPath(project, job, replica)}
          download={`${job}-${replica}.log`}
          aria-label={t('log.download')}
          title={t('log.download')}
        >
          <Icon name="download" size={14} />
        </a>
      </div>
      {error !== null && <ErrorState error={error} />}
      {earlierBytes > 0 && (
        <div className="log-earlier">
          <Button look="quiet" icon="up" onClick={loadEarlier}>
            {t('log.earlier', { size: formatBytes(earlierBytes) })}
          </Button>
        </div>
      )}
      <div
        ref={scroller}
        className={isWrapped ? 'log wrapped' : 'log'}
        onScroll={onScroll}
        // A scrolling region must be reachable by keyboard.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        role="region"
        aria-label={t('log.title')}
        aria-busy={state === 'loading'}
      >
        {buffer.length === 0 && state !== 'loading' && (
          <p className="log-empty muted">
            {state === 'closed' ? t('log.none') : (emptyText ?? t('log.waiting'))}
          </p>
        )}
        <div
          className="log-lines"
          style={{
            height: virtualizer.getTotalSize(),
            minWidth: isWrapped ? undefined : `${Math.min(buffer.longest, 20_000) + 4}ch`,
          }}
        >
          {virtualizer.getVirtualItems().map((item) => {
            const line = buffer.at(item.index);
            return (
              <div
                key={item.index}
                data-index={item.index}
                ref={isWrapped ? virtualizer.measureElement : undefined}
                className={item.index === currentLine ? 'log-line current' : 'log-line'}
                style={{ transform: `translateY(${item.start}px)` }}
              >
                {line !== undefined && (
                  <Line text={line.text} start={line.style} needle={needle.toLowerCase()} />
                )}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

interface LineProps {
  text: LogLine['text'];
  start: LogLine['style'];
  needle: string;
}

const Line = memo(function Line({ text, start, needle }: LineProps) {
  const { segments } = parseAnsi(text, start);
  return (
    <>
      {segments.map((segment, index) => (
        <span key={index} style={cssOf(segment.style)}>
          {needle === '' ? segment.text : marked(segment.text, needle)}
        </span>
      ))}
      {'\u200b'}
    </>
  );
});

function cssOf(style: AnsiStyle | null) {
  if (style === null) return undefined;
  return {
    color: style.foreground ?? undefined,
    fontWeight: style.bold ? 650 : undefined,
    opacity: style.dim ? 0.75 : undefined,
    fontStyle: style.italic ? 'italic' : undefined,
    textDecoration: style.underline ? 'underline' : undefined,
  };
}

function marked(text: string, needle: string): ReactNode {
  const lower = text.toLowerCase();
  const parts: ReactNode[] = [];
  let from = 0;
  for (let at = lower.indexOf(needle); at >= 0; at = lower.indexOf(needle, from)) {
    parts.push(text.slice(from, at), <mark key={at}>{text.slice(at, at + needle.length)}</mark>);
    from = at + needle.length;
  }
  parts.push(text.slice(from));
  return parts;
}
