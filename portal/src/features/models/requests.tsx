import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { apiPath, request } from '../../api/client';
import { approvalRulesQuery, openRequestsQuery } from '../../api/queries';
import type { ApprovalRequest } from '../../api/types';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { TextAreaField } from '../../ui/field';
import { Section } from '../../ui/layout';
import { EmptyState, ErrorState, Skeleton } from '../../ui/states';
import { RelativeTime } from '../../ui/time';
import { showToast } from '../../ui/toast';

type Act = 'approve' | 'reject' | 'withdraw';

interface OpenRequestsProps {
  project: string;
  /** null: those of all models, and a word where there are none. */
  model: string | null;
}

/** What waits for approval, with the buttons of who may; of one model, nothing where nothing waits. */
export function OpenRequests({ project, model }: OpenRequestsProps) {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(openRequestsQuery(project, model));
  const [chosen, setChosen] = useState<{ act: Act; request: ApprovalRequest } | null>(null);
  if (model === null && data === undefined)
    return error === null ? (
      <Skeleton lines={4} />
    ) : (
      <ErrorState error={error} retry={() => void refetch()} />
    );
  if (data === undefined || data.items.length === 0)
    return model === null ? (
      <EmptyState title={t('requests.empty')}>{t('requests.empty_text')}</EmptyState>
    ) : null;
  return (
    <Section title={t('requests.title')}>
      {data.items.map((one) => (
        <div key={one.id} className="request">
          <div className="request-text">
            <p>
              {model === null && (
                <>
                  <Link
                    className="link"
                    to="/$project/models/$model"
                    params={{ project, model: one.model }}
                    search={{ version: String(one.version) }}
                  >
                    {one.model}
                  </Link>
                  :{' '}
                </>
              )}
              {t(`requests.${one.kind}`, { ...one })}
            </p>
            {one.comment !== '' && <p className="muted">{one.comment}</p>}
            <p className="muted">
              {t('requests.progress', {
                given: one.reviews.filter((review) => review.approved).length,
                count: one.approvals_needed,
              })}{' '}
              · {t(`role.${one.role}`)} · {t('requests.expires')}{' '}
              <RelativeTime at={one.expires_at} />
            </p>
          </div>
          {one.may_approve && (
            <>
              <Button look="primary" onClick={() => setChosen({ act: 'approve', request: one })}>
                {t('requests.approve')}
              </Button>
              <Button onClick={() => setChosen({ act: 'reject', request: one })}>
                {t('requests.reject')}
              </Button>
            </>
          )}
          {one.may_withdraw && (
            <Button look="quiet" onClick={() => setChosen({ act: 'withdraw', request: one })}>
              {t('requests.withdraw')}
            </Button>
          )}
        </div>
      ))}
      {chosen !== null && (
        <ReviewDialog project={project} {...chosen} onClose={() => setChosen(null)} />
      )}
    </Section>
  );
}

interface ReviewDialogProps {
  project: string;
  act: Act;
  request: ApprovalRequest;
  onClose: () => void;
}

function ReviewDialog({ project, act, request: one, onClose }: ReviewDialogProps) {
  const { t } = useTranslation();
  const queryClient = useQueryClient();
  const [comment, setComment] = useState('');
  const given = one.reviews.filter((review) => review.approved).length;
  const effect =
    act !== 'approve' ? 'ends' : given + 1 >= one.approvals_needed ? 'last' : 'not_last';
  const send = useMutation({
    mutationFn: () =>
      request('POST', apiPath('projects', project, 'model-requests', one.id, act), {
        body: { comment },
      }),
    onSuccess: async () => {
      onClose();
      showToast(t(`requests.done_${act}`));
      await queryClient.invalidateQueries({ queryKey: ['models', project] });
    },
  });
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={t(`requests.${act}_title`)}
      description={`${t(`requests.${one.kind}`, { ...one })}. ${t(`requests.${effect}`)}`}
    >
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          send.mutate();
        }}
      >
        <TextAreaField
          label={t('requests.comment')}
          hint={t('requests.comment_hint')}
          rows={3}
          value={comment}
          onChange={(event) => setComment(event.target.value)}
        />
        {send.error !== null && <ErrorState error={send.error} />}
        <div className="form-actions">
          <Button onClick={onClose}>{t('action.cancel')}</Button>
          <Button
            type="submit"
            look={act === 'approve' ? 'primary' : 'danger'}
            busy={send.isPending}
          >
            {t(`requests.${act}`)}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Which aliases and stages of a model move with approval only. */
export function RuleNote({ project, model }: { project: string; model: string }) {
  const { t } = useTranslation();
  const { data } = useQuery(approvalRulesQuery(project));
  const rule =
    data?.items.find((one) => one.model === model) ?? data?.items.find((one) => one.model === null);
  if (rule === undefined) return null;
  const what = [...rule.aliases.map((alias) => `@${alias}`), ...rule.stages].join(', ');
  return (
    <p className="muted">
      {t('requests.rule', { what, count: rule.approvals, role: t(`role.${rule.role}`) })}{' '}
      <Link className="link" to="/$project/models" params={{ project }} search={{ tab: 'rules' }}>
        {t('rules.title')}
      </Link>
    </p>
  );
}
