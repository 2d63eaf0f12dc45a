import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { apiPath, request } from '../../api/client';
import { useHasRole } from '../../api/permissions';
import { approvalRulesQuery } from '../../api/queries';
import type { ApprovalRule } from '../../api/types';
import { currentLanguage } from '../../i18n';
import { formatDuration } from '../../i18n/format';
import { Button, IconButton } from '../../ui/button';
import { EmptyState, ErrorState, Skeleton } from '../../ui/states';
import { RelativeTime } from '../../ui/time';
import { showError, showToast } from '../../ui/toast';
import { RuleDialog } from './rule-dialog';

function rulesPath(project: string): string {
  return apiPath('projects', project, 'model-approval-rules');
}

/** What of a rule its operation takes: who set it and when is the server's to say. */
function settingOf(rule: ApprovalRule) {
  const { model, aliases, stages, approvals, role, expires_after_s } = rule;
  return { model, aliases, stages, approvals, role, expires_after_s };
}

/** Who must approve before aliases and stages move: for all to see, for owners to change. */
export default function Rules({ project }: { project: string }) {
  const { t } = useTranslation();
  const queryClient = useQueryClient();
  const isOwner = useHasRole(project, 'owner');
  const { data, error, refetch } = useQuery(approvalRulesQuery(project));
  const [edited, setEdited] = useState<ApprovalRule | 'new' | null>(null);
  const refresh = () => queryClient.invalidateQueries({ queryKey: ['models', project] });
  const put = useMutation({
    mutationFn: (rule: ApprovalRule) =>
      request('PUT', rulesPath(project), { body: settingOf(rule) }),
    onSuccess: refresh,
    onError: showError,
  });
  const remove = useMutation({
    mutationFn: (rule: ApprovalRule) =>
      request('DELETE', rulesPath(project), { query: { model: rule.model } }),
    onSuccess: async (_, rule) => {
      await refresh();
      showToast(t('rules.removed'), { label: t('action.undo'), run: () => put.mutate(rule) });
    },
    onError: showError,
  });
  if (data === undefined)
    return error === null ? (
      <Skeleton lines={4} />
    ) : (
      <ErrorState error={error} retry={() => void refetch()} />
    );
  const add = isOwner && (
    <Button icon="plus" onClick={() => setEdited('new')}>
      {t('rules.add')}
    </Button>
  );
  return (
    <div className="stack">
      {data.items.length === 0 ? (
        <EmptyState
          title={t('rules.empty')}
          command="maru model rule --alias champion"
          action={add}
        >
          {t('rules.empty_text')}
        </EmptyState>
      ) : (
        <>
          <div className="row">
            <p className="muted grow">{t('rules.text')}</p>
            {add}
          </div>
          {/* A scrolling region must be reachable by keyboard. */}
          <div
            className="table-scroll"
            // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
            tabIndex={0}
            role="region"
            aria-label={t('rules.title')}
          >
            <table className="plain-table rules-table" aria-label={t('rules.title')}>
              <thead>
                <tr>
                  <th scope="col">{t('rules.model')}</th>
                  <th scope="col">{t('rules.protects')}</th>
                  <th scope="col">{t('rules.approvals')}</th>
                  <th scope="col">{t('rules.expires')}</th>
                  <th scope="col">{t('rules.set')}</th>
                  {isOwner && (
                    <th scope="col">
                      <span className="visually-hidden">{t('common.actions')}</span>
                    </th>
                  )}
                </tr>
              </thead>
              <tbody>
                {data.items.map((rule) => (
                  <tr key={rule.model ?? ''}>
                    <th scope="row">
                      {rule.model === null ? (
                        t('rules.all')
                      ) : (
                        <Link
                          className="link"
                          to="/$project/models/$model"
                          params={{ project, model: rule.model }}
                        >
                          {rule.model}
                        </Link>
                      )}
                    </th>
                    <td>
                      <span className="row tight">
                        {rule.aliases.map((alias) => (
                          <span key={alias} className="chip strong">
                            @{alias}
                          </span>
                        ))}
                        {rule.stages.map((stage) => (
                          <span key={stage} className="chip">
                            {stage}
                          </span>
                        ))}
                      </span>
                    </td>
                    <td>
                      {t('rules.by', { count: rule.approvals, role: t(`role.${rule.role}`) })}
                    </td>
                    <td>{formatDuration(rule.expires_after_s * 1000, currentLanguage())}</td>
                    <td>
                      {rule.user}{' '}
                      <span className="muted">
                        <RelativeTime at={rule.updated_at} />
                      </span>
                    </td>
                    {isOwner && (
                      <td className="right nowrap">
                        <IconButton
                          icon="edit"
                          label={t('rules.edit', { model: rule.model ?? t('rules.all') })}
                          onClick={() => setEdited(rule)}
                        />
                        <IconButton
                          icon="trash"
                          label={t('rules.remove', { model: rule.model ?? t('rules.all') })}
                          onClick={() => remove.mutate(rule)}
                        />
                      </td>
                    )}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
      {edited !== null && (
        <RuleDialog
          project={project}
          rule={edited === 'new' ? null : edited}
          taken={data.items.map((rule) => rule.model)}
          save={(rule) => request('PUT', rulesPath(project), { body: rule })}
          onSaved={() => {
            setEdited(null);
            void refresh();
            showToast(t('rules.saved'));
          }}
          onClose={() => setEdited(null)}
        />
      )}
    </div>
  );
}
