import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { useHasRole } from '../../api/permissions';
import { currentLanguage } from '../../i18n';
import { formatDuration } from '../../i18n/format';
import { Button } from '../../ui/button';
import { Section } from '../../ui/layout';
import { ErrorState, Skeleton } from '../../ui/states';
import { showToast } from '../../ui/toast';
import { DaysForm } from './days-form';
import { projectRetentionQuery, setProjectRetention } from './queries';

/** How long a project keeps what was deleted; its owners may change it. */
export function ProjectRetention({ project }: { project: string }) {
  const { t } = useTranslation();
  const queryClient = useQueryClient();
  const isOwner = useHasRole(project, 'owner');
  const query = projectRetentionQuery(project);
  const { data, error, refetch } = useQuery(query);
  const set = useMutation({
    mutationFn: (seconds: number | null) => setProjectRetention(project, seconds),
    onSuccess: (saved) => {
      queryClient.setQueryData(query.queryKey, saved);
      showToast(t('retention.saved'));
    },
  });
  return (
    <Section title={t('retention.title')}>
      {data === undefined ? (
        error === null ? (
          <Skeleton lines={2} />
        ) : (
          <ErrorState error={error} retry={() => void refetch()} />
        )
      ) : (
        <>
          <p>
            {t('retention.kept', {
              time: formatDuration(data.keep_deleted_s * 1000, currentLanguage()),
            })}{' '}
            <span className="muted">
              {t(data.inherited ? 'retention.inherited' : 'retention.own')}
            </span>
          </p>
          {isOwner && (
            <DaysForm
              key={data.keep_deleted_s}
              seconds={data.keep_deleted_s}
              onSave={(seconds) => set.mutate(seconds)}
              isSaving={set.isPending}
              error={set.error}
            >
              {!data.inherited && (
                <Button look="quiet" onClick={() => set.mutate(null)}>
                  {t('retention.reset')}
                </Button>
              )}
            </DaysForm>
          )}
          <p className="field-hint">{t('retention.text')}</p>
        </>
      )}
    </Section>
  );
}
