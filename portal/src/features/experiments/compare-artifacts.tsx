import { useQueries } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { artifactsQuery } from '../../api/queries';
import type { Run } from '../../api/types';
import { Preview } from './artifact-preview';
import { unionOfPaths } from './compare';
import { runColour } from './run-colour';

interface CompareArtifactsProps {
  project: string;
  runs: Run[];
  file: string | undefined;
  onFile: (path: string | undefined) => void;
}

/** One artifact of each run, side by side. */
export default function CompareArtifacts({ project, runs, file, onFile }: CompareArtifactsProps) {
  const { t } = useTranslation();
  const folder = file?.includes('/') === true ? file.slice(0, file.lastIndexOf('/')) : '';
  const roots = useQueries({ queries: runs.map((run) => artifactsQuery(project, run.id, '')) });
  // Pictures are mostly one folder down: "plots/confusion.png".
  const folders = [
    ...new Set(
      roots.flatMap(
        (root) => root.data?.items.filter((one) => one.is_directory).map((one) => one.path) ?? [],
      ),
    ),
  ].slice(0, 10);
  const below = useQueries({
    queries: runs.flatMap((run) =>
      [...new Set([...folders, ...(folder === '' ? [] : [folder])])].map((path) =>
        artifactsQuery(project, run.id, path),
      ),
    ),
  });
  const lists = [...roots, ...below].map((one) => one.data?.items ?? []);
  const paths = unionOfPaths(lists);
  if (paths.length === 0) return <p className="muted">{t('artifacts.empty')}</p>;
  const has = (run: Run) =>
    [roots[runs.indexOf(run)], ...below].some((one) =>
      one?.data?.items.some((item) => item.path === file),
    );
  return (
    <div className="stack">
      <label className="row tight">
        {t('compare.file')}
        <select
          className="input small compare-file"
          value={file ?? ''}
          onChange={(event) => onFile(event.target.value === '' ? undefined : event.target.value)}
        >
          <option value="">{t('artifacts.choose')}</option>
          {paths.map((path) => (
            <option key={path} value={path}>
              {path}
            </option>
          ))}
        </select>
      </label>
      {file !== undefined && (
        // A scrolling region must be reachable by keyboard.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        <div className="side-by-side" tabIndex={0} role="region" aria-label={file}>
          {runs.map((run) => (
            <figure key={run.id}>
              <figcaption className="row one-line tight">
                <span className="swatch" style={{ background: runColour(run.id) }} />
                <span className="cut">{run.name}</span>
              </figcaption>
              {has(run) ? (
                <Preview key={file} project={project} run={run.id} path={file} />
              ) : (
                <p className="muted">{t('compare.no_file')}</p>
              )}
            </figure>
          ))}
        </div>
      )}
    </div>
  );
}
