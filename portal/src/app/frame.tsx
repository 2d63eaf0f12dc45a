import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Link, Outlet, useNavigate, useParams, useRouterState } from '@tanstack/react-router';
import { Suspense, lazy, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { apiPath, rememberCsrfToken, request } from '../api/client';
import { useIsGuest } from '../api/permissions';
import { sessionQuery } from '../api/queries';
import { useJobEvents } from '../features/jobs/live';
import { changeLanguage } from '../i18n';
import { IconButton } from '../ui/button';
import { Icon, Mark, type IconName } from '../ui/icon';
import { useKeys } from '../ui/keyboard';
import { showError, Toasts } from '../ui/toast';
import { membersOnly } from './guest';
import { homeProject } from './current-project';

const CommandPalette = lazy(() => import('./command-palette'));
const ShortcutsDialog = lazy(() => import('./shortcuts-dialog'));

const places = [
  { to: '/$project', icon: 'home', label: 'nav.home', exact: true },
  { to: '/$project/experiments', icon: 'experiments', label: 'nav.experiments', exact: false },
  { to: '/$project/jobs', icon: 'jobs', label: 'nav.jobs', exact: false },
  { to: '/$project/environments', icon: 'environments', label: 'nav.environments', exact: false },
  { to: '/$project/models', icon: 'models', label: 'nav.models', exact: false },
  { to: '/$project/endpoints', icon: 'endpoints', label: 'nav.endpoints', exact: false },
] as const satisfies { to: string; icon: IconName; label: string; exact: boolean }[];

export function useCurrentProject(): string | null {
  const { data: session } = useSuspenseQuery(sessionQuery);
  const params = useParams({ strict: false });
  return params.project ?? homeProject(session);
}

function ProjectSwitcher({ project }: { project: string }) {
  const { t } = useTranslation();
  const { data: session } = useSuspenseQuery(sessionQuery);
  const navigate = useNavigate();
  const names = new Set(session.projects.map((one) => one.name));
  names.add(project);
  return (
    <label className="project-switcher">
      <span className="visually-hidden">{t('nav.project')}</span>
      <select
        className="rail-button boxed"
        value={project}
        onChange={(event) => {
          const chosen = event.target.value;
          void navigate({ to: '/$project', params: { project: chosen } });
        }}
      >
        {[...names].map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

function LanguageButton() {
  const { i18n } = useTranslation();
  const other = i18n.language === 'ko' ? 'en' : 'ko';
  return (
    <button
      type="button"
      className="rail-button"
      lang={other}
      onClick={() => void changeLanguage(other)}
    >
      <Icon name="language" />
      {other === 'ko' ? '한국어' : 'English'}
    </button>
  );
}

function UserLine() {
  const { t } = useTranslation();
  const { data: session } = useSuspenseQuery(sessionQuery);
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  if (session.auth === 'none') return null;
  const signOut = async () => {
    try {
      await request('DELETE', apiPath('session'));
    } catch (error) {
      showError(error);
      return;
    }
    rememberCsrfToken(null);
    await navigate({ to: '/sign-in' });
    queryClient.clear();
  };
  return (
    <button type="button" className="rail-button" onClick={() => void signOut()}>
      <Icon name="signOut" />
      <span className="grow cut">{t('nav.sign_out')}</span>
      <span className="muted cut">{session.user.name}</span>
    </button>
  );
}

function JobEvents({ project }: { project: string }) {
  useJobEvents(project);
  return null;
}

export function Frame() {
  const { t } = useTranslation();
  const project = useCurrentProject();
  const isGuest = useIsGuest(project ?? '');
  const [isRailOpen, setRailOpen] = useState(false);
  const [overlay, setOverlay] = useState<'palette' | 'shortcuts' | null>(null);
  const pathname = useRouterState({ select: (state) => state.location.pathname });
  const isRunPage = /^\/[^/]+\/(runs\/|compare$)/.test(pathname);
  const [shownPath, setShownPath] = useState(pathname);
  if (shownPath !== pathname) {
    setShownPath(pathname);
    setRailOpen(false);
  }

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        setOverlay((current) => (current === 'palette' ? null : 'palette'));
      }
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);

  useKeys({
    '?': () => setOverlay('shortcuts'),
    '/': () => {
      const search = document.querySelector<HTMLElement>('[data-page-search]');
      if (search === null) setOverlay('palette');
      else search.focus();
    },
    Escape: () => setRailOpen(false),
  });

  return (
    <div className="frame">
      <a href="#main" className="button skip">
        {t('nav.skip')}
      </a>
      {isRailOpen && (
        <button
          type="button"
          className="rail-scrim"
          aria-label={t('action.close')}
          onClick={() => setRailOpen(false)}
        />
      )}
      <div className={isRailOpen ? 'rail open' : 'rail'} id="rail">
        <div className="rail-top">
          <Link to="/" className="brand">
            <Mark /> maru
          </Link>
          {project !== null && <ProjectSwitcher project={project} />}
          <button type="button" className="rail-button boxed" onClick={() => setOverlay('palette')}>
            <Icon name="search" size={14} />
            <span className="muted">{t('nav.search')}</span>
            <kbd>{/\bMac/.test(navigator.userAgent) ? '⌘K' : 'Ctrl K'}</kbd>
          </button>
        </div>
        <nav aria-label={t('nav.main')}>
          {project !== null &&
            places
              .filter((place) => !isGuest || !membersOnly.has(place.icon))
              .map((place) => (
                <Link
                  key={place.to}
                  to={place.to}
                  params={{ project }}
                  activeOptions={{ exact: place.exact, includeSearch: false }}
                  className="rail-button"
                  {...(place.label === 'nav.experiments' && isRunPage
                    ? { 'data-status': 'active' }
                    : {})}
                >
                  <Icon name={place.icon} />
                  {t(place.label)}
                </Link>
              ))}
          <Link to="/settings" className="rail-button">
            <Icon name="settings" />
            {t('nav.settings')}
          </Link>
        </nav>
        <div className="rail-foot">
          <button type="button" className="rail-button" onClick={() => setOverlay('shortcuts')}>
            <Icon name="keyboard" />
            {t('nav.shortcuts')}
            <kbd>?</kbd>
          </button>
          <LanguageButton />
          <UserLine />
        </div>
      </div>
      <div className="content">
        <div className="top-bar">
          <IconButton
            icon="menu"
            label={t('nav.open')}
            aria-expanded={isRailOpen}
            aria-controls="rail"
            onClick={() => setRailOpen(true)}
          />
          <Link to="/" className="brand">
            <Mark /> <span className="cut">{project ?? 'maru'}</span>
          </Link>
          <IconButton icon="search" label={t('nav.search')} onClick={() => setOverlay('palette')} />
        </div>
        <main id="main" tabIndex={-1}>
          <Outlet />
        </main>
      </div>
      {project !== null && !isGuest && <JobEvents key={project} project={project} />}
      <Suspense fallback={null}>
        {overlay === 'palette' && (
          <CommandPalette project={project} onClose={() => setOverlay(null)} />
        )}
        {overlay === 'shortcuts' && <ShortcutsDialog onClose={() => setOverlay(null)} />}
      </Suspense>
      <Toasts />
    </div>
  );
}
