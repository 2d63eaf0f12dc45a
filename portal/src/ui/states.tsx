import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiError } from '../api/errors';
import { Button } from './button';
import { CodeBlock } from './copy';
import { Icon } from './icon';

export function Skeleton({ lines = 3, height }: { lines?: number; height?: number }) {
  const { t } = useTranslation();
  return (
    <div className="skeleton-block" role="status" aria-label={t('common.loading')}>
      {Array.from({ length: lines }, (_, index) => (
        <div
          key={index}
          className="skeleton"
          style={{ width: `${90 - ((index * 17) % 40)}%`, height }}
        />
      ))}
    </div>
  );
}

export interface EmptyStateProps {
  title: string;
  children?: ReactNode;
  command?: string;
  action?: ReactNode;
}

export function EmptyState({ title, children, command, action }: EmptyStateProps) {
  const { t } = useTranslation();
  return (
    <div className="empty">
      <p className="empty-title">{title}</p>
      {children !== undefined && <p className="muted">{children}</p>}
      {command !== undefined && <CodeBlock code={command} label={t('common.terminal')} />}
      {action}
    </div>
  );
}

/** What went wrong, why, and what to do next. */
export function ErrorState({ error, retry }: { error: unknown; retry?: (() => void) | undefined }) {
  const { t } = useTranslation();
  const known = error instanceof ApiError ? error : null;
  const code = known?.unreachable === true ? 'unreachable' : (known?.code ?? 'unknown');
  return (
    <div className={code === 'permission_denied' ? 'error refused' : 'error'} role="alert">
      <Icon name={code === 'permission_denied' ? 'lock' : 'warning'} />
      <div>
        <p className="error-title">{t(`error.${code}.what`)}</p>
        <p>{errorMessage(error)}</p>
        {known !== null && known.details.length > 0 && (
          <ul>
            {known.details.map((detail) => (
              <li key={`${detail.field} ${detail.message}`}>
                {detail.field !== '' && <code>{detail.field}</code>} {detail.message}
              </li>
            ))}
          </ul>
        )}
        <p className="muted">{t(`error.${code}.next`)}</p>
        {known !== null && (
          <p className="error-code">
            <code>{known.code}</code>
            {known.status > 0 && <> · HTTP {known.status}</>}
            {known.requestId !== null && (
              <>
                {' '}
                · {t('error.request')} <code>{known.requestId}</code>
              </>
            )}
          </p>
        )}
        {retry !== undefined && (
          <Button icon="retry" onClick={retry}>
            {t('action.try_again')}
          </Button>
        )}
      </div>
    </div>
  );
}

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
