import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { lineageQuery } from '../../api/queries';
import type { ModelVersionState } from '../../api/types';
import { Section } from '../../ui/layout';
import { StateBadge } from '../../ui/state-badge';
import { versionsMadeFrom } from './made-versions';

/** The registered versions that were made from a run; nothing where there are none. */
export function RegisteredVersions({ project, run }: { project: string; run: string }) {
  const { t } = useTranslation();
  const { data } = useQuery(lineageQuery(project, 'run', run));
  const versions = data === undefined ? [] : versionsMadeFrom(data);
  if (versions.length === 0) return null;
  return (
    <Section title={t('runs.models')}>
      <ul className="home-list">
        {versions.map((version) => {
          const slash = version.ref.lastIndexOf('/');
          return (
            <li key={version.ref} className="row">
              <Link
                className="link"
                to="/$project/models/$model"
                params={{ project, model: version.ref.slice(0, slash) }}
                search={{ version: version.ref.slice(slash + 1) }}
              >
                {version.ref.slice(0, slash)} / {version.ref.slice(slash + 1)}
              </Link>
              <StateBadge state={version.state as ModelVersionState} />
              {version.detail
                .split(', ')
                .filter((alias) => alias !== '')
                .map((alias) => (
                  <span key={alias} className="chip strong">
                    @{alias}
                  </span>
                ))}
            </li>
          );
        })}
      </ul>
    </Section>
  );
}
