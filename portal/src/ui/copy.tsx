import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { shortId } from '../i18n/format';
import { Button } from './button';
import { Icon } from './icon';

async function copyText(text: string): Promise<void> {
  // The clipboard API is absent on plain HTTP from another machine, which is how many will open this.
  if (window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'visually-hidden';
  document.body.append(area);
  area.select();
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- nothing else works there
  document.execCommand('copy');
  area.remove();
}

export function useCopy(): [boolean, (text: string) => void] {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [copied]);
  return [
    copied,
    (text) => {
      void copyText(text).then(() => setCopied(true));
    },
  ];
}

export function CopyableId({ id, full = false }: { id: string; full?: boolean }) {
  const { t } = useTranslation();
  const [copied, copy] = useCopy();
  return (
    <button
      type="button"
      className="copyable"
      title={`${id}\n${t('action.copy')}`}
      aria-label={`${t('action.copy')}: ${full ? id : `${shortId(id)} (${id})`}`}
      onClick={(event) => {
        event.preventDefault();
        event.stopPropagation();
        copy(id);
      }}
    >
      <code>{full ? id : shortId(id)}</code>
      <Icon name={copied ? 'check' : 'copy'} size={12} />
    </button>
  );
}

export function CopyButton({ text, label }: { text: string | (() => string); label?: string }) {
  const { t } = useTranslation();
  const [copied, copy] = useCopy();
  return (
    <Button
      look="quiet"
      icon={copied ? 'check' : 'copy'}
      onClick={() => copy(typeof text === 'string' ? text : text())}
      aria-label={label ?? t('action.copy')}
    >
      <span aria-live="polite">{copied ? t('action.copied') : t('action.copy')}</span>
    </Button>
  );
}

export function CodeBlock({ code, label }: { code: string; label: string }) {
  return (
    <div className="code-block">
      <div className="code-block-bar">
        <span>{label}</span>
        <CopyButton text={code} />
      </div>
      {/* A scrolling region must be reachable by keyboard. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <pre tabIndex={0} role="region" aria-label={label}>
        <code>{code}</code>
      </pre>
    </div>
  );
}
