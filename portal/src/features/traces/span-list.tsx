import { useVirtualizer } from '@tanstack/react-virtual';
import { useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { StateBadge } from '../../ui/state-badge';
import { formatMicroseconds, lengthOf, visibleLines, type SpanLine } from './span-tree';
import type { Span } from './types';

const rowHeight = 30;

interface SpanListProps {
  spans: Span[];
  chosen: string;
  choose: (id: string) => void;
}

/**
 * The spans as a tree beside their time. Arrows move and open, as in trees of files; only the rows
 * in view exist, since a trace may have thousands.
 */
export function SpanList({ spans, chosen, choose }: SpanListProps) {
  const { t } = useTranslation();
  const [collapsed, setCollapsed] = useState<ReadonlySet<string>>(new Set());
  const lines = useMemo(() => visibleLines(spans, collapsed), [spans, collapsed]);
  const length = useMemo(() => lengthOf(spans), [spans]);
  const frame = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: lines.length,
    getScrollElement: () => frame.current,
    estimateSize: () => rowHeight,
    overscan: 10,
    initialRect: { width: 600, height: 400 },
  });

  const setOpen = (id: string, open: boolean) => {
    const next = new Set(collapsed);
    if (open) next.delete(id);
    else next.add(id);
    setCollapsed(next);
  };
  const place = lines.findIndex((line) => line.span.id === chosen);
  const goTo = (index: number) => {
    const line = lines[Math.max(0, Math.min(lines.length - 1, index))];
    if (line === undefined) return;
    choose(line.span.id);
    virtualizer.scrollToIndex(lines.indexOf(line));
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    const line = lines[place];
    const isOpen = line !== undefined && !collapsed.has(line.span.id);
    if (event.key === 'ArrowDown') goTo(place + 1);
    else if (event.key === 'ArrowUp') goTo(place - 1);
    else if (event.key === 'Home') goTo(0);
    else if (event.key === 'End') goTo(lines.length - 1);
    else if (event.key === 'ArrowRight' && line?.hasChildren === true) {
      if (isOpen) goTo(place + 1);
      else setOpen(line.span.id, true);
    } else if (event.key === 'ArrowLeft' && line !== undefined) {
      if (line.hasChildren && isOpen) setOpen(line.span.id, false);
      else goTo(lines.findIndex((other) => other.span.id === line.span.parent_id));
    } else return;
    event.preventDefault();
  };

  return (
    <div className="span-list-frame" ref={frame}>
      <div
        role="tree"
        aria-label={t('traces.spans')}
        aria-activedescendant={place >= 0 ? `span-${chosen}` : undefined}
        tabIndex={0}
        className="span-list"
        style={{ height: virtualizer.getTotalSize() }}
        onKeyDown={onKeyDown}
      >
        {virtualizer.getVirtualItems().map((item) => {
          const line = lines[item.index];
          return (
            line !== undefined && (
              <SpanRow
                key={line.span.id}
                line={line}
                top={item.start}
                length={length}
                isChosen={line.span.id === chosen}
                isOpen={!collapsed.has(line.span.id)}
                choose={choose}
                setOpen={setOpen}
              />
            )
          );
        })}
      </div>
    </div>
  );
}

interface SpanRowProps {
  line: SpanLine;
  top: number;
  length: number;
  isChosen: boolean;
  isOpen: boolean;
  choose: (id: string) => void;
  setOpen: (id: string, open: boolean) => void;
}

function SpanRow({ line, top, length, isChosen, isOpen, choose, setOpen }: SpanRowProps) {
  const { span, depth, hasChildren } = line;
  const left = (span.offset_us / length) * 100;
  const width = ((span.duration_us ?? 0) / length) * 100;
  return (
    // The tree takes the keys; a pointer acts here.
    // eslint-disable-next-line jsx-a11y/click-events-have-key-events
    <div
      role="treeitem"
      id={`span-${span.id}`}
      aria-level={depth + 1}
      aria-selected={isChosen}
      aria-expanded={hasChildren ? isOpen : undefined}
      tabIndex={-1}
      className={`span-row ${isChosen ? 'chosen' : ''} ${span.status === 'ERROR' ? 'bad' : ''}`}
      style={{ transform: `translateY(${top}px)` }}
      onClick={() => choose(span.id)}
    >
      <span className="span-name" style={{ paddingLeft: Math.min(depth, 12) * 14 }}>
        {hasChildren ? (
          <span
            className="span-twist"
            aria-hidden="true"
            onClick={(event) => {
              event.stopPropagation();
              setOpen(span.id, !isOpen);
            }}
          >
            {isOpen ? '▾' : '▸'}
          </span>
        ) : (
          <span className="span-twist" aria-hidden="true" />
        )}
        {span.status === 'ERROR' && <StateBadge state="ERROR" iconOnly />}
        <span className="cut">{span.name}</span>
        {span.type !== 'UNKNOWN' && <span className="span-type">{span.type}</span>}
      </span>
      <span className="span-time" aria-hidden="true">
        <span
          className="span-bar"
          style={{ left: `${Math.min(left, 99.5)}%`, width: `max(2px, ${Math.min(width, 100)}%)` }}
        />
      </span>
      <span className="span-duration numeric">
        {span.duration_us === null ? '…' : formatMicroseconds(span.duration_us)}
      </span>
    </div>
  );
}
