import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Collection } from '../../api/types';
import { currentLanguage } from '../../i18n';
import { formatBytes, formatCount, formatDuration } from '../../i18n/format';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Definitions, Section } from '../../ui/layout';
import { ErrorState, Skeleton } from '../../ui/states';
import { RelativeTime } from '../../ui/time';
import { showToast } from '../../ui/toast';
import { DaysForm } from './days-form';
import { collect, collectionQuery, setRetention } from './queries';

/** The server's retention, and the collection of what nothing needs; for administrators. */
export default function StorageSection() {
  const { t } = useTranslation();
  const queryClient = useQueryClient();
  const { data, error, refetch } = useQuery(collectionQuery);
  const refresh = () => queryClient.invalidateQueries({ queryKey: collectionQuery.queryKey });
  const set = useMutation({
    mutationFn: setRetention,
    onSuccess: async () => {
      await refresh();
      await queryClient.invalidateQueries({ queryKey: ['retention'] });
      showToast(t('retention.saved'));
    },
  });
  if (data === undefined)
    return error === null ? (
      <Skeleton lines={6} />
    ) : (
      <ErrorState error={error} retry={() => void refetch()} />
    );
  return (
    <div className="stack settings-wide">
      <Section title={t('retention.server')}>
        <DaysForm
          key={data.retention.keep_deleted_s}
          seconds={data.retention.keep_deleted_s}
          onSave={(seconds) => set.mutate(seconds)}
          isSaving={set.isPending}
          error={set.error}
        />
        <p className="field-hint">{t('retention.server_text')}</p>
      </Section>
      <Section title={t('retention.last')}>
        {data.last === null ? (
          <p className="muted">{t('retention.never')}</p>
        ) : (
          <Result collection={data.last} />
        )}
      </Section>
      <Collect isRunning={data.running} onDone={() => void refresh()} />
    </div>
  );
}

function Collect({ isRunning, onDone }: { isRunning: boolean; onDone: () => void }) {
  const { t } = useTranslation();
  const [isAsking, setAsking] = useState(false);
  const count = useMutation({ mutationFn: () => collect(true) });
  const remove = useMutation({
    mutationFn: () => collect(false),
    onSuccess: (collection) => {
      setAsking(false);
      count.reset();
      onDone();
      showToast(t('retention.collected', { size: formatBytes(collection.bytes_freed) }));
    },
  });
  return (
    <Section title={t('retention.collect')}>
      <p className="muted">{t('retention.collect_text')}</p>
      <div className="row">
        <Button busy={count.isPending} disabled={isRunning} onClick={() => count.mutate()}>
          {t('retention.count')}
        </Button>
        <Button
          look="danger"
          icon="trash"
          disabled={isRunning}
          onClick={() => {
            setAsking(true);
            count.mutate();
          }}
        >
          {t('retention.collect_now')}
        </Button>
        {isRunning && (
          <span className="muted" role="status">
            {t('retention.running')}
          </span>
        )}
      </div>
      {count.error !== null && <ErrorState error={count.error} />}
      {count.data !== undefined && !isAsking && <Result collection={count.data} />}
      <Dialog
        open={isAsking}
        onOpenChange={setAsking}
        title={t('retention.collect_title')}
        description={t('retention.collect_warning')}
      >
        {count.data === undefined ? (
          count.error === null && <Skeleton lines={4} />
        ) : (
          <Result collection={count.data} />
        )}
        {remove.error !== null && <ErrorState error={remove.error} />}
        <div className="form-actions">
          <Button onClick={() => setAsking(false)}>{t('action.cancel')}</Button>
          <Button look="danger" busy={remove.isPending} onClick={() => remove.mutate()}>
            {t('retention.collect_now')}
          </Button>
        </div>
      </Dialog>
    </Section>
  );
}

const kinds = [
  'runs',
  'experiments',
  'logged_models',
  'projects',
  'code_snapshots',
  'code_files',
] as const;

function Result({ collection }: { collection: Collection }) {
  const { t } = useTranslation();
  const count = (value: number) => formatCount(value, currentLanguage());
  const removed = kinds
    .filter((kind) => collection.removed[kind] > 0)
    .map((kind) => `${t(`retention.${kind}`)} ${count(collection.removed[kind])}`);
  return (
    <Definitions
      rows={[
        [
          t('retention.at'),
          <span key="at">
            <RelativeTime at={collection.started_at} />{' '}
            <span className="muted">
              {formatDuration(collection.duration_ms, currentLanguage())}
            </span>
          </span>,
        ],
        [
          t(collection.dry_run ? 'retention.would_remove' : 'retention.removed'),
          removed.length === 0 ? t('common.none') : removed.join(' · '),
        ],
        [
          t(collection.dry_run ? 'retention.would_free' : 'retention.freed'),
          t('retention.files', {
            count: collection.files_removed,
            size: formatBytes(collection.bytes_freed),
          }),
        ],
        [
          t('retention.kept_files'),
          t('retention.files', {
            count: collection.files_kept,
            size: formatBytes(collection.bytes_kept),
          }),
        ],
      ]}
    />
  );
}
