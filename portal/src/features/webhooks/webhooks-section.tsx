import { useMutation, useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { apiPath, request } from '../../api/client';
import { sessionQuery, webhooksQuery } from '../../api/queries';
import type { Webhook, WebhookTestResult } from '../../api/types';
import { cutMiddle } from '../../i18n/format';
import { Button } from '../../ui/button';
import { Section } from '../../ui/layout';
import { StateBadge } from '../../ui/state-badge';
import { EmptyState, ErrorState, Skeleton } from '../../ui/states';
import { RelativeTime } from '../../ui/time';
import { showError, showToast } from '../../ui/toast';
import { Deliveries } from './deliveries';
import { NewWebhook } from './new-webhook';

export default function WebhooksSection() {
  const { t } = useTranslation();
  const { data: session } = useSuspenseQuery(sessionQuery);
  const { project, webhook } = useSearch({ from: '/signed-in/settings/$section' });
  const navigate = useNavigate();
  const owned = session.projects.filter((one) => session.user.admin || one.role === 'owner');
  const shown = owned.find((one) => one.name === project)?.name ?? owned[0]?.name;
  if (shown === undefined) return <EmptyState title={t('settings.projects.empty')} />;
  return (
    <div className="stack settings-wide">
      <div className="toolbar">
        <select
          className="input small log-replica"
          aria-label={t('nav.project')}
          value={shown}
          onChange={(event) =>
            void navigate({
              to: '/settings/$section',
              params: { section: 'webhooks' },
              search: { project: event.target.value },
              replace: true,
            })
          }
        >
          {owned.map((one) => (
            <option key={one.name}>{one.name}</option>
          ))}
        </select>
      </div>
      <p className="muted">{t('settings.webhooks.text')}</p>
      <NewWebhook key={`new-${shown}`} project={shown} />
      <WebhookList key={shown} project={shown} chosen={webhook} />
    </div>
  );
}

function WebhookList({ project, chosen }: { project: string; chosen: string | undefined }) {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(webhooksQuery(project));
  const opened = data?.items.find((webhook) => webhook.id === chosen);
  return (
    <>
      <Section title={t('settings.webhooks.list')}>
        {data === undefined ? (
          error === null ? (
            <Skeleton lines={4} />
          ) : (
            <ErrorState error={error} retry={() => void refetch()} />
          )
        ) : data.items.length === 0 ? (
          <EmptyState title={t('settings.webhooks.empty')} />
        ) : (
          <div className="table-scroll">
            <table className="plain-table" aria-label={t('settings.webhooks.list')}>
              <thead>
                <tr>
                  <th scope="col">{t('settings.webhooks.name')}</th>
                  <th scope="col">{t('settings.webhooks.events')}</th>
                  <th scope="col">{t('settings.webhooks.last')}</th>
                  <th scope="col">
                    <span className="visually-hidden">{t('common.actions')}</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {data.items.map((webhook) => (
                  <Row
                    key={webhook.id}
                    project={project}
                    webhook={webhook}
                    isOpen={webhook.id === chosen}
                  />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Section>
      {opened !== undefined && <Deliveries key={opened.id} project={project} webhook={opened} />}
    </>
  );
}

function Row({ project, webhook, isOpen }: { project: string; webhook: Webhook; isOpen: boolean }) {
  const { t } = useTranslation();
  const queryClient = useQueryClient();
  const path = apiPath('projects', project, 'webhooks', webhook.id);
  const refresh = () =>
    queryClient.invalidateQueries({ queryKey: webhooksQuery(project).queryKey });
  const test = useMutation({
    mutationFn: () => request<WebhookTestResult>('POST', `${path}/test`, { body: {} }),
    onSuccess: (result) =>
      showToast(
        result.success
          ? t('settings.webhooks.test_passed', { status: result.response_status })
          : t('settings.webhooks.test_failed', { error: result.error }),
      ),
    onError: showError,
  });
  const setState = useMutation({
    mutationFn: () =>
      request('PATCH', path, {
        body: { state: webhook.state === 'active' ? 'disabled' : 'active' },
      }),
    onSuccess: refresh,
    onError: showError,
  });
  const remove = useMutation({
    mutationFn: () => request('DELETE', path),
    onSuccess: async () => {
      await refresh();
      showToast(t('settings.webhooks.removed', { name: webhook.name }));
    },
    onError: showError,
  });
  const last = webhook.last_delivery;
  return (
    <tr>
      <th scope="row">
        <Link
          to="/settings/$section"
          params={{ section: 'webhooks' }}
          search={{ project, webhook: webhook.id }}
          className="link"
          aria-current={isOpen ? 'true' : undefined}
        >
          {webhook.name}
        </Link>
        {webhook.state === 'disabled' && (
          <span className="muted"> · {t('settings.webhooks.disabled')}</span>
        )}
        <div className="muted" title={webhook.url}>
          {cutMiddle(webhook.url, 40)}
        </div>
      </th>
      <td>{webhook.events.join(', ')}</td>
      <td>
        {last === null ? (
          '–'
        ) : (
          <span title={last.error ?? undefined}>
            <StateBadge state={last.state} /> <RelativeTime at={last.attempted_at} />
          </span>
        )}
      </td>
      <td className="right">
        <Button
          look="quiet"
          busy={test.isPending}
          onClick={() => test.mutate()}
          aria-label={t('settings.webhooks.test_named', { name: webhook.name })}
        >
          {t('settings.webhooks.test')}
        </Button>
        <Button
          look="quiet"
          busy={setState.isPending}
          onClick={() => setState.mutate()}
          aria-label={t(
            webhook.state === 'active'
              ? 'settings.webhooks.disable_named'
              : 'settings.webhooks.enable_named',
            { name: webhook.name },
          )}
        >
          {t(webhook.state === 'active' ? 'settings.webhooks.disable' : 'settings.webhooks.enable')}
        </Button>
        <Button
          look="quiet"
          busy={remove.isPending}
          onClick={() => remove.mutate()}
          aria-label={t('settings.webhooks.remove_named', { name: webhook.name })}
        >
          {t('action.remove')}
        </Button>
      </td>
    </tr>
  );
}
