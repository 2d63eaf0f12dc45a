import { useSuspenseQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { Suspense, lazy, type ComponentType } from 'react';
import { useTranslation } from 'react-i18next';
import { NotFound } from '../../app/page-states';
import { sessionQuery } from '../../api/queries';
import type { Session } from '../../api/types';
import { PageHeader } from '../../ui/layout';
import { Skeleton } from '../../ui/states';
import './settings.css';

const sections = [
  'account',
  'tokens',
  'projects',
  'webhooks',
  'users',
  'storage',
  'audit',
] as const;
type Section = (typeof sections)[number];

const pages: Record<Section, ComponentType> = {
  account: lazy(() => import('./account-section')),
  tokens: lazy(() => import('./tokens-section')),
  projects: lazy(() => import('./projects-section')),
  webhooks: lazy(() => import('../webhooks/webhooks-section')),
  users: lazy(() => import('./users-section')),
  storage: lazy(() => import('../retention/storage-section')),
  audit: lazy(() => import('./audit-section')),
};

function isVisible(section: Section, session: Session): boolean {
  if (section === 'users' || section === 'storage') return session.user.admin;
  if (section === 'audit' || section === 'webhooks')
    return session.user.admin || session.projects.some((project) => project.role === 'owner');
  return true;
}

export function SettingsPage() {
  const { t } = useTranslation();
  const { section: wanted } = useParams({ from: '/signed-in/settings/$section' });
  const { data: session } = useSuspenseQuery(sessionQuery);
  const visible = sections.filter((section) => isVisible(section, session));
  const current = visible.find((section) => section === wanted);
  if (current === undefined) return <NotFound />;
  const Page = pages[current];
  return (
    <div className="page">
      <PageHeader
        title={t('nav.settings')}
        documentTitle={`${t(`settings.${current}.title`)} · ${t('nav.settings')}`}
      />
      <nav className="tab-list" aria-label={t('nav.settings')}>
        {visible.map((section) => (
          <Link
            key={section}
            to="/settings/$section"
            params={{ section }}
            className="tab"
            data-state={section === current ? 'active' : undefined}
            aria-current={section === current ? 'page' : undefined}
          >
            {t(`settings.${section}.title`)}
          </Link>
        ))}
      </nav>
      <Suspense fallback={<Skeleton lines={6} />}>
        <Page />
      </Suspense>
    </div>
  );
}
