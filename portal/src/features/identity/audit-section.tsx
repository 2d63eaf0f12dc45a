import { useInfiniteQuery, useSuspenseQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { auditQuery, sessionQuery } from '../../api/queries';
import type { AuditEntry } from '../../api/types';
import { cutMiddle } from '../../i18n/format';
import { DataTable, type Column } from '../../ui/data-table';
import { EmptyState } from '../../ui/states';
import { RelativeTime } from '../../ui/time';

export default function AuditSection() {
  const { t } = useTranslation();
  const { data: session } = useSuspenseQuery(sessionQuery);
  const { project } = useSearch({ from: '/signed-in/settings/$section' });
  const navigate = useNavigate();
  const owned = session.projects.filter((one) => session.user.admin || one.role === 'owner');
  const shown = project ?? (session.user.admin ? '' : (owned[0]?.name ?? ''));
  const query = useInfiniteQuery(auditQuery(shown));
  const rows = query.data?.pages.flatMap((page) => page.items);
  const columns: Column<AuditEntry>[] = [
    {
      key: 'at',
      title: t('settings.audit.at'),
      width: '104px',
      cell: (entry) => <RelativeTime at={entry.at} />,
    },
    { key: 'user', title: t('jobs.user'), width: '96px', cell: (entry) => entry.user },
    {
      key: 'operation',
      title: t('settings.audit.operation'),
      cell: (entry) => <code>{entry.operation}</code>,
    },
    {
      key: 'resource',
      title: t('settings.audit.resource'),
      hideWhenNarrow: true,
      cell: (entry) => <span title={entry.resource}>{cutMiddle(entry.resource, 40)}</span>,
    },
    {
      key: 'project',
      title: t('nav.project'),
      width: '110px',
      hideWhenNarrow: true,
      cell: (entry) => entry.project ?? '–',
    },
    {
      key: 'outcome',
      title: t('settings.audit.outcome'),
      width: '140px',
      hideWhenNarrow: true,
      cell: (entry) => (
        <span className={entry.outcome === 'ok' ? 'state good' : 'state bad'}>
          {entry.outcome === 'ok' ? t('settings.audit.ok') : entry.outcome}
        </span>
      ),
    },
    {
      key: 'address',
      title: t('settings.audit.address'),
      width: '120px',
      hideWhenNarrow: true,
      cell: (entry) => entry.remote_address,
    },
  ];
  return (
    <div>
      <div className="toolbar">
        <select
          className="input small log-replica"
          aria-label={t('nav.project')}
          value={shown}
          onChange={(event) =>
            void navigate({
              to: '/settings/$section',
              params: { section: 'audit' },
              search: { project: event.target.value === '' ? undefined : event.target.value },
              replace: true,
            })
          }
        >
          {session.user.admin && <option value="">{t('settings.tokens.all_projects')}</option>}
          {owned.map((one) => (
            <option key={one.name}>{one.name}</option>
          ))}
        </select>
      </div>
      <DataTable
        label={t('settings.audit.title')}
        columns={columns}
        rows={rows}
        rowKey={(entry) => entry.id}
        error={query.error}
        retry={() => void query.refetch()}
        hasMore={query.hasNextPage && !query.isFetchNextPageError}
        loadMore={() => {
          if (!query.isFetchingNextPage) void query.fetchNextPage();
        }}
        empty={<EmptyState title={t('settings.audit.empty')} />}
      />
    </div>
  );
}
