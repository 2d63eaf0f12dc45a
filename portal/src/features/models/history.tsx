import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import type { TFunction } from 'i18next';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { changeQuery, changesQuery } from '../../api/queries';
import type { Change } from '../../api/types';
import { Button } from '../../ui/button';
import { EmptyState, ErrorState, Skeleton } from '../../ui/states';
import { RelativeTime } from '../../ui/time';

interface HistoryProps {
  project: string;
  model: string;
  /** null: of the model and all its versions. */
  version: number | null;
}

/** Who changed what, the newest first. */
export function History({ project, model, version }: HistoryProps) {
  const { t } = useTranslation();
  const query = useInfiniteQuery(changesQuery(project, model, version));
  if (query.error !== null)
    return <ErrorState error={query.error} retry={() => void query.refetch()} />;
  if (query.data === undefined) return <Skeleton lines={6} />;
  const changes = query.data.pages.flatMap((page) => page.items);
  if (changes.length === 0)
    return <EmptyState title={t('history.empty')}>{t('history.empty_text')}</EmptyState>;
  return (
    <>
      <ol className="history-list">
        {changes.map((change) => (
          <li key={change.number}>
            <span className="muted">
              <RelativeTime at={change.at} />
            </span>
            <div className="history-text">
              <p>{sentence(t, change)}</p>
              {change.comment !== '' && <p className="muted">{change.comment}</p>}
              {hasTexts(change) && <Texts project={project} change={change} />}
            </div>
          </li>
        ))}
      </ol>
      {query.hasNextPage && (
        <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          {t('history.more')}
        </Button>
      )}
    </>
  );
}

function hasTexts(change: Change): boolean {
  return change.kind === 'card' || change.kind === 'description' || change.shortened;
}

function sentence(t: TFunction, change: Change): string {
  const values = {
    user: change.user,
    version: change.version ?? 0,
    key: change.key,
    from: change.from ?? '',
    to: change.to ?? '',
  };
  const of = change.version === null ? 'model' : 'version';
  switch (change.kind) {
    case 'created':
    case 'deleted':
    case 'description':
    case 'card':
      return t(`history.${change.kind}_${of}`, values);
    case 'tag':
      return t(`history.tag_${change.to === null ? 'removed' : 'set'}_${of}`, values);
    case 'alias':
      if (change.to === null) return t('history.alias_removed', values);
      return t(change.from === null ? 'history.alias_set' : 'history.alias_moved', values);
    case 'approval_rule':
      return t(change.to === null ? 'history.rule_removed' : 'history.rule_set', values);
    default:
      return t(`history.${change.kind}`, values);
  }
}

function Texts({ project, change }: { project: string; change: Change }) {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(false);
  const whole = useQuery({
    ...changeQuery(project, change.model, change.number),
    enabled: isOpen && change.shortened,
  });
  const shown = change.shortened ? whole.data : change;
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t('history.show_texts')}</summary>
      {whole.error !== null && <ErrorState error={whole.error} />}
      {isOpen && shown !== undefined && (
        <div className="history-sides">
          <div>
            <span className="muted">{t('history.before')}</span>
            <pre>{shown.from ?? ''}</pre>
          </div>
          <div>
            <span className="muted">{t('history.after')}</span>
            <pre>{shown.to ?? ''}</pre>
          </div>
        </div>
      )}
    </details>
  );
}
