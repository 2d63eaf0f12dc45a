import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { apiPath, request } from '../../api/client';
import { deliveriesQuery } from '../../api/queries';
import type { Webhook, WebhookDelivery } from '../../api/types';
import { Button } from '../../ui/button';
import { DataTable, type Column } from '../../ui/data-table';
import { Section } from '../../ui/layout';
import { StateBadge } from '../../ui/state-badge';
import { EmptyState } from '../../ui/states';
import { RelativeTime } from '../../ui/time';
import { showError } from '../../ui/toast';

export function Deliveries({ project, webhook }: { project: string; webhook: Webhook }) {
  const { t } = useTranslation();
  const queryClient = useQueryClient();
  const options = deliveriesQuery(project, webhook.id);
  const query = useInfiniteQuery(options);
  const redeliver = useMutation({
    mutationFn: (delivery: WebhookDelivery) =>
      request(
        'POST',
        apiPath(
          'projects',
          project,
          'webhooks',
          webhook.id,
          'deliveries',
          delivery.id,
          'redeliver',
        ),
        { body: {} },
      ),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: options.queryKey }),
    onError: showError,
  });
  const columns: Column<WebhookDelivery>[] = [
    {
      key: 'event',
      title: t('settings.webhooks.event'),
      cell: (delivery) => <code>{delivery.event}</code>,
    },
    {
      key: 'state',
      title: t('settings.webhooks.state'),
      width: '120px',
      cell: (delivery) => <StateBadge state={delivery.state} />,
    },
    {
      key: 'at',
      title: t('settings.webhooks.happened'),
      width: '110px',
      cell: (delivery) => <RelativeTime at={delivery.created_at} />,
    },
    {
      key: 'attempts',
      title: t('settings.webhooks.attempts'),
      width: '80px',
      hideWhenNarrow: true,
      cell: (delivery) => delivery.attempts,
    },
    {
      key: 'answer',
      title: t('settings.webhooks.answer'),
      hideWhenNarrow: true,
      cell: (delivery) => (
        <span title={delivery.error ?? undefined}>
          {delivery.error ?? delivery.response_status ?? '–'}
        </span>
      ),
    },
    {
      key: 'actions',
      title: t('common.actions'),
      width: '110px',
      cell: (delivery) =>
        delivery.state === 'waiting' ? (
          ''
        ) : (
          <Button look="quiet" onClick={() => redeliver.mutate(delivery)}>
            {t('settings.webhooks.redeliver')}
          </Button>
        ),
    },
  ];
  return (
    <Section title={t('settings.webhooks.deliveries_of', { name: webhook.name })}>
      <DataTable
        label={t('settings.webhooks.deliveries_of', { name: webhook.name })}
        columns={columns}
        rows={query.data?.pages.flatMap((page) => page.items)}
        rowKey={(delivery) => delivery.id}
        error={query.error}
        retry={() => void query.refetch()}
        hasMore={query.hasNextPage && !query.isFetchNextPageError}
        loadMore={() => {
          if (!query.isFetchingNextPage) void query.fetchNextPage();
        }}
        empty={<EmptyState title={t('settings.webhooks.no_deliveries')} />}
      />
    </Section>
  );
}
