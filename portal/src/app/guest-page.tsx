import { Link, Outlet, useParams, useRouterState } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { useIsGuest } from '../api/permissions';
import { PageHeader } from '../ui/layout';
import { membersOnly } from './guest';

/** A project's pages; a guest, who would be refused by some of them, is told so instead. */
export function ProjectPages() {
  const { project = '' } = useParams({ strict: false });
  const pathname = useRouterState({ select: (state) => state.location.pathname });
  const [, , place = ''] = pathname.split('/');
  const isGuest = useIsGuest(project);
  if (isGuest && (place === '' || membersOnly.has(place))) return <GuestPage project={project} />;
  return <Outlet />;
}

function GuestPage({ project }: { project: string }) {
  const { t } = useTranslation();
  const title = t('guest.title', { project });
  return (
    <div className="page">
      <PageHeader title={title} documentTitle={project} />
      <div className="empty">
        <p>{t('guest.text')}</p>
        <div className="row">
          <Link to="/$project/experiments" params={{ project }} className="button">
            {t('nav.experiments')}
          </Link>
          <Link to="/$project/models" params={{ project }} className="button">
            {t('nav.models')}
          </Link>
        </div>
      </div>
    </div>
  );
}
