import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { endpointsQuery } from '../../api/queries';
import type { Endpoint } from '../../api/types';
import { currentLanguage } from '../../i18n';
import { formatCount } from '../../i18n/format';
import { DataTable, type Column } from '../../ui/data-table';
import { PageHeader } from '../../ui/layout';
import { StateBadge } from '../../ui/state-badge';
import { EmptyState } from '../../ui/states';
import { RelativeTime } from '../../ui/time';
import { Latency } from './latency';

export function EndpointsPage() {
  const { t } = useTranslation();
  const { project } = useParams({ from: '/signed-in/$project/endpoints' });
  const query = useQuery(endpointsQuery(project));
  const columns: Column<Endpoint>[] = [
    {
      key: 'state',
      title: t('jobs.state'),
      width: '112px',
      hideWhenNarrow: true,
      cell: (endpoint) => <StateBadge state={endpoint.state} />,
    },
    {
      key: 'name',
      title: t('endpoints.name'),
      cell: (endpoint) => (
        <span className="row-main">
          <span className="narrow-only">
            <StateBadge state={endpoint.state} iconOnly />
          </span>
          <Link
            to="/$project/endpoints/$endpoint"
            params={{ project, endpoint: endpoint.name }}
            data-row-link
            title={endpoint.name}
          >
            {endpoint.name}
          </Link>
          <span className="muted cut wide-inline">
            {endpoint.state === 'ready'
              ? endpoint.variants.map((one) => `${one.model}/${one.version}`).join(', ')
              : endpoint.reason}
          </span>
        </span>
      ),
    },
    {
      key: 'requests',
      title: t('endpoints.requests'),
      width: '96px',
      align: 'right',
      hideWhenNarrow: true,
      cell: (endpoint) => formatCount(endpoint.requests_total, currentLanguage()),
    },
    {
      key: 'errors',
      title: t('endpoints.errors'),
      width: '80px',
      align: 'right',
      hideWhenNarrow: true,
      cell: (endpoint) => formatCount(endpoint.errors_total, currentLanguage()),
    },
    {
      key: 'p50',
      title: 'p50',
      width: '84px',
      align: 'right',
      hideWhenNarrow: true,
      cell: (endpoint) => <Latency endpoint={endpoint} share="p50" />,
    },
    {
      key: 'p99',
      title: 'p99',
      width: '84px',
      align: 'right',
      cell: (endpoint) => <Latency endpoint={endpoint} share="p99" />,
    },
    {
      key: 'created',
      title: t('common.created'),
      width: '104px',
      align: 'right',
      hideWhenNarrow: true,
      cell: (endpoint) => <RelativeTime at={endpoint.created_at} />,
    },
  ];
  return (
    <div className="page">
      <PageHeader title={t('nav.endpoints')} documentTitle={t('nav.endpoints')} />
      <DataTable
        label={t('nav.endpoints')}
        columns={columns}
        rows={query.data?.items}
        rowKey={(endpoint) => endpoint.id}
        error={query.error}
        retry={() => void query.refetch()}
        empty={
          <EmptyState
            title={t('endpoints.empty')}
            command="maru deploy iris/1 --name iris --wait"
            action={
              <Link to="/$project/models" params={{ project }} className="button">
                {t('endpoints.choose_model')}
              </Link>
            }
          >
            {t('endpoints.empty_text')}
          </EmptyState>
        }
      />
    </div>
  );
}
