import { useQueries } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { modelVersionsQuery } from '../../api/queries';
import type { Run } from '../../api/types';
import { Section } from '../../ui/layout';
import { StateBadge } from '../../ui/state-badge';

// The API lists versions by model only; beyond this many models the question would cost more than its answer.
const askedAtMost = 30;

interface RegisteredVersionsProps {
  project: string;
  run: Run;
  names: string[];
  title: string;
}

export default function RegisteredVersions({
  project,
  run,
  names,
  title,
}: RegisteredVersionsProps) {
  const results = useQueries({
    queries: names
      .slice(0, askedAtMost)
      .map((name) => ({ ...modelVersionsQuery(project, name), staleTime: 60_000 })),
  });
  const versions = results
    .flatMap((result) => result.data?.items ?? [])
    .filter((version) => version.run_id === run.id);
  if (versions.length === 0) return null;
  return (
    <Section title={title}>
      <ul className="home-list">
        {versions.map((version) => (
          <li key={`${version.model}/${version.version}`} className="row">
            <Link
              className="link"
              to="/$project/models/$model"
              params={{ project, model: version.model }}
              search={{ version: String(version.version) }}
            >
              {version.model} / {version.version}
            </Link>
            <StateBadge state={version.state} />
            {version.aliases.map((alias) => (
              <span key={alias} className="chip strong">
                @{alias}
              </span>
            ))}
          </li>
        ))}
      </ul>
    </Section>
  );
}
