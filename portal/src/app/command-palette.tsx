import { useQuery } from '@tanstack/react-query';
import { useNavigate, useRouter } from '@tanstack/react-router';
import { Dialog } from 'radix-ui';
import { useEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useIsGuest } from '../api/permissions';
import {
  endpointsQuery,
  environmentsQuery,
  experimentsQuery,
  modelsQuery,
  sessionQuery,
  someJobsQuery,
  someRunsQuery,
} from '../api/queries';
import { isActive, useJobActions } from '../features/jobs/job-actions';
import { changeLanguage } from '../i18n';
import { shortId } from '../i18n/format';
import { Icon, type IconName } from '../ui/icon';
import { StateBadge, type AnyState } from '../ui/state-badge';
import { matchScore } from './palette-search';
import { membersOnly } from './guest';
import './command-palette.css';

interface Entry {
  key: string;
  icon: IconName;
  text: string;
  kind: string;
  state?: AnyState;
  extra?: string;
  run: () => void;
}

const shownAtMost = 60;

interface CommandPaletteProps {
  project: string | null;
  onClose: () => void;
}

export default function CommandPalette({ project, onClose }: CommandPaletteProps) {
  const { t, i18n } = useTranslation();
  const [query, setQuery] = useState('');
  const [chosen, setChosen] = useState(0);
  const entries = useEntries(project);
  const list = useRef<HTMLUListElement>(null);

  const found = useMemo(() => {
    if (query.trim() === '') return entries.slice(0, shownAtMost);
    return entries
      .map((entry) => ({
        entry,
        score: matchScore(query, `${entry.text} ${entry.kind} ${entry.extra ?? ''}`),
      }))
      .filter((match): match is { entry: Entry; score: number } => match.score !== null)
      .sort((left, right) => right.score - left.score)
      .slice(0, shownAtMost)
      .map((match) => match.entry);
  }, [entries, query]);
  const current = Math.min(chosen, Math.max(0, found.length - 1));

  useEffect(() => {
    list.current?.children[current]?.scrollIntoView({ block: 'nearest' });
  }, [current]);

  const open = (entry: Entry | undefined) => {
    if (entry === undefined) return;
    onClose();
    entry.run();
  };

  return (
    <Dialog.Root open onOpenChange={(isOpen) => !isOpen && onClose()}>
      <Dialog.Portal>
        <Dialog.Overlay className="overlay" />
        <Dialog.Content className="dialog palette" aria-describedby={undefined}>
          <Dialog.Title className="visually-hidden">{t('palette.title')}</Dialog.Title>
          <div className="palette-input">
            <Icon name="search" />
            <input
              role="combobox"
              aria-expanded="true"
              aria-controls="palette-list"
              aria-activedescendant={found.length > 0 ? `palette-${current}` : undefined}
              aria-label={t('palette.title')}
              placeholder={t('palette.placeholder')}
              value={query}
              onChange={(event) => {
                setQuery(event.target.value);
                setChosen(0);
              }}
              onKeyDown={(event) => {
                // Enter that ends the composition of a Korean syllable is not a choice.
                if (event.nativeEvent.isComposing) return;
                if (event.key === 'ArrowDown') setChosen(Math.min(current + 1, found.length - 1));
                else if (event.key === 'ArrowUp') setChosen(Math.max(current - 1, 0));
                else if (event.key === 'Enter') open(found[current]);
                else return;
                event.preventDefault();
              }}
            />
          </div>
          {/* eslint-disable jsx-a11y/click-events-have-key-events -- the keyboard acts through the combobox above */}
          <ul ref={list} id="palette-list" role="listbox" aria-label={t('palette.title')}>
            {found.map((entry, index) => (
              <li
                key={entry.key}
                id={`palette-${index}`}
                role="option"
                aria-selected={index === current}
                onClick={() => open(entry)}
                onPointerMove={() => setChosen(index)}
              >
                {entry.state === undefined ? (
                  <Icon name={entry.icon} size={14} />
                ) : (
                  <StateBadge state={entry.state} iconOnly />
                )}
                <span className="cut grow">{entry.text}</span>
                <span className="muted nowrap" lang={i18n.language}>
                  {entry.kind}
                </span>
              </li>
            ))}
          </ul>
          {/* eslint-enable jsx-a11y/click-events-have-key-events */}
          {found.length === 0 && (
            <p className="palette-none muted">{t('palette.none', { query })}</p>
          )}
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function useEntries(project: string | null): Entry[] {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const router = useRouter();
  const { stop } = useJobActions(project ?? '');
  const enabled = project !== null;
  const name = project ?? '';
  const isGuest = useIsGuest(name);
  const ofMembers = enabled && !isGuest;
  const { data: session } = useQuery(sessionQuery);
  const { data: jobs } = useQuery({ ...someJobsQuery(name, 'all', 200), enabled: ofMembers });
  const { data: runs } = useQuery({ ...someRunsQuery(name, 200), enabled });
  const { data: experiments } = useQuery({ ...experimentsQuery(name), enabled });
  const { data: models } = useQuery({ ...modelsQuery(name), enabled });
  const { data: endpoints } = useQuery({ ...endpointsQuery(name), enabled: ofMembers });
  const { data: environments } = useQuery({ ...environmentsQuery(name), enabled: ofMembers });

  return useMemo(() => {
    const entries: Entry[] = [];
    const go = (href: string) => () => void router.navigate({ href });
    const path = (...parts: string[]) =>
      `/${[name, ...parts].map((part) => encodeURIComponent(part)).join('/')}`;
    if (enabled) {
      const page = t('palette.page');
      const pages = [
        ['home', 'nav.home', []],
        ['experiments', 'nav.experiments', ['experiments']],
        ['jobs', 'nav.jobs', ['jobs']],
        ['environments', 'nav.environments', ['environments']],
        ['models', 'nav.models', ['models']],
        ['endpoints', 'nav.endpoints', ['endpoints']],
      ] as const;
      for (const [icon, label, parts] of pages) {
        if (isGuest && membersOnly.has(icon)) continue;
        entries.push({ key: label, icon, text: t(label), kind: page, run: go(path(...parts)) });
      }
    }
    if (ofMembers) {
      entries.push({
        key: 'new-job',
        icon: 'plus',
        text: t('jobs.new'),
        kind: t('palette.action'),
        run: go(path('jobs', 'new')),
      });
    }
    for (const section of ['account', 'tokens', 'projects'] as const) {
      entries.push({
        key: `settings-${section}`,
        icon: 'settings',
        text: `${t('nav.settings')}: ${t(`settings.${section}.title`)}`,
        kind: t('palette.page'),
        run: go(`/settings/${section}`),
      });
    }
    const other = i18n.language === 'ko' ? 'en' : 'ko';
    entries.push({
      key: 'language',
      icon: 'language',
      text: other === 'ko' ? '한국어로 보기' : 'Show in English',
      kind: t('palette.action'),
      run: () => void changeLanguage(other),
    });
    for (const one of session?.projects ?? []) {
      if (one.name === name) continue;
      entries.push({
        key: `project-${one.name}`,
        icon: 'folder',
        text: one.name,
        kind: t('nav.project'),
        run: () => void navigate({ to: '/$project', params: { project: one.name } }),
      });
    }
    for (const endpoint of endpoints?.items ?? []) {
      entries.push({
        key: endpoint.id,
        icon: 'endpoints',
        state: endpoint.state,
        text: endpoint.name,
        kind: t('palette.endpoint'),
        run: go(path('endpoints', endpoint.name)),
      });
    }
    for (const model of models?.items ?? []) {
      entries.push({
        key: `model-${model.name}`,
        icon: 'models',
        text: model.name,
        kind: t('palette.model'),
        run: go(path('models', model.name)),
      });
    }
    for (const experiment of experiments?.items ?? []) {
      entries.push({
        key: `experiment-${experiment.id}`,
        icon: 'experiments',
        text: experiment.name,
        kind: t('palette.experiment'),
        run: go(path('experiments', experiment.name)),
      });
    }
    for (const environment of environments?.items ?? []) {
      const shown = environment.name ?? shortId(environment.id);
      entries.push({
        key: `environment-${environment.id}`,
        icon: 'environments',
        state: environment.state,
        text: shown,
        kind: t('palette.environment'),
        run: go(path('environments', environment.name ?? environment.id)),
      });
    }
    for (const job of jobs?.items ?? []) {
      if (isActive(job.state)) {
        entries.push({
          key: `stop-${job.id}`,
          icon: 'stop',
          text: t('palette.stop', { name: job.name }),
          extra: job.id,
          kind: t('palette.action'),
          run: () => stop.mutate(job),
        });
      }
      entries.push({
        key: job.id,
        icon: 'jobs',
        state: job.state,
        text: job.name,
        extra: job.id,
        kind: `${t('palette.job')} ${shortId(job.id)}`,
        run: go(path('jobs', job.id)),
      });
    }
    for (const run of runs?.items ?? []) {
      entries.push({
        key: `run-${run.id}`,
        icon: 'experiments',
        state: run.status,
        text: run.name,
        extra: run.id,
        kind: `${t('palette.run')} ${shortId(run.id)}`,
        run: go(path('runs', run.id)),
      });
    }
    return entries;
  }, [
    enabled,
    isGuest,
    ofMembers,
    name,
    session,
    jobs,
    runs,
    experiments,
    models,
    endpoints,
    environments,
    t,
    i18n.language,
    navigate,
    router,
    stop,
  ]);
}
