import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Json } from '../../api/types';
import { Icon } from '../../ui/icon';

const openDepth = 2;
const shownAtOnce = 100;

/** A JSON value whose lists and objects open and close. */
export function JsonTree({ value, name }: { value: Json; name: string }) {
  return (
    // A scrolling region must be reachable by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="artifact-text json-tree" tabIndex={0} role="region" aria-label={name}>
      <Node value={value} depth={0} />
    </div>
  );
}

function Node({ label, value, depth }: { label?: string; value: Json; depth: number }) {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(depth < openDepth);
  const [shown, setShown] = useState(shownAtOnce);
  const before = label !== undefined && <span className="code-key">{label}: </span>;
  if (value === null || typeof value !== 'object') {
    const kind =
      typeof value === 'string' ? 'string' : typeof value === 'number' ? 'number' : 'word';
    return (
      <div className="json-leaf">
        {before}
        <span className={`code-${kind}`}>{JSON.stringify(value)}</span>
      </div>
    );
  }
  const entries: [string, Json][] = Array.isArray(value)
    ? value.map((one, index) => [String(index), one])
    : Object.entries(value);
  const [opening, closing] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  if (entries.length === 0) {
    return (
      <div className="json-leaf">
        {before}
        {opening}
        {closing}
      </div>
    );
  }
  return (
    <div>
      <button
        type="button"
        className="json-toggle"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name={isOpen ? 'chevronDown' : 'chevronRight'} size={11} />
        {before}
        <span className="muted">
          {opening}
          {isOpen ? '' : ` ${entries.length} ${closing}`}
        </span>
      </button>
      {isOpen && (
        <div className="json-children">
          {entries.slice(0, shown).map(([key, one]) => (
            <Node key={key} label={key} value={one} depth={depth + 1} />
          ))}
          {entries.length > shown && (
            <button type="button" className="link" onClick={() => setShown(shown + shownAtOnce)}>
              {t('artifacts.more', { count: entries.length - shown })}
            </button>
          )}
        </div>
      )}
    </div>
  );
}
