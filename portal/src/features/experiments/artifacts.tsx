import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { apiPath, pathWithQuery, send } from '../../api/client';
import { artifactsQuery } from '../../api/queries';
import type { Artifact, Run } from '../../api/types';
import { formatBytes } from '../../i18n/format';
import { CopyableId } from '../../ui/copy';
import { Icon } from '../../ui/icon';
import { EmptyState, ErrorState, Skeleton } from '../../ui/states';
import { parseTable, previewKind } from './preview';
import './artifacts.css';

const previewBytes = 512 * 1024;

interface ArtifactsProps {
  project: string;
  run: Run;
  path: string | undefined;
  onPath: (path: string) => void;
}

export default function Artifacts({ project, run, path, onPath }: ArtifactsProps) {
  const { t } = useTranslation();
  return (
    <div className="artifacts">
      <nav className="artifact-tree" aria-label={t('runs.tab_artifacts')}>
        <Folder project={project} run={run.id} path="" chosen={path} onPath={onPath} />
      </nav>
      <div className="artifact-preview">
        {path === undefined ? (
          <p className="muted">{t('artifacts.choose')}</p>
        ) : (
          <Preview key={path} project={project} run={run.id} path={path} />
        )}
      </div>
    </div>
  );
}

interface FolderProps {
  project: string;
  run: string;
  path: string;
  chosen: string | undefined;
  onPath: (path: string) => void;
}

function Folder({ project, run, path, chosen, onPath }: FolderProps) {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(artifactsQuery(project, run, path));
  if (data === undefined) {
    return error === null ? (
      <Skeleton lines={3} />
    ) : (
      <ErrorState error={error} retry={() => void refetch()} />
    );
  }
  if (data.items.length === 0 && path === '') {
    return (
      <EmptyState
        title={t('artifacts.empty')}
        command={'import mlflow\nmlflow.log_artifact("confusion.png")'}
      />
    );
  }
  return (
    <ul className={path === '' ? undefined : 'nested'}>
      {data.items.map((item) => (
        <Entry
          key={item.path}
          item={item}
          project={project}
          run={run}
          chosen={chosen}
          onPath={onPath}
        />
      ))}
    </ul>
  );
}

function Entry({ item, ...rest }: { item: Artifact } & Omit<FolderProps, 'path'>) {
  const [isOpen, setOpen] = useState(rest.chosen?.startsWith(`${item.path}/`) === true);
  const name = item.path.split('/').at(-1) ?? item.path;
  if (!item.is_directory) {
    return (
      <li>
        <button
          type="button"
          className="artifact-entry"
          aria-current={rest.chosen === item.path || undefined}
          onClick={() => rest.onPath(item.path)}
        >
          <Icon name="file" size={14} />
          <span className="cut grow">{name}</span>
          <span className="muted">{formatBytes(item.size_bytes)}</span>
        </button>
      </li>
    );
  }
  return (
    <li>
      <button
        type="button"
        className="artifact-entry"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name={isOpen ? 'chevronDown' : 'chevronRight'} size={12} />
        <Icon name="folder" size={14} />
        <span className="cut grow">{name}</span>
      </button>
      {isOpen && <Folder {...rest} path={item.path} />}
    </li>
  );
}

function contentPath(project: string, run: string, path: string): string {
  return pathWithQuery(apiPath('projects', project, 'runs', run, 'artifacts', 'content'), { path });
}

function Preview({ project, run, path }: { project: string; run: string; path: string }) {
  const { t } = useTranslation();
  const source = contentPath(project, run, path);
  const kind = previewKind(path);
  const name = path.split('/').at(-1) ?? path;
  return (
    <>
      <div className="row artifact-head">
        <span className="grow">
          <CopyableId id={path} full />
        </span>
        <a className="button" href={source} download={name}>
          <Icon name="download" size={14} />
          {t('action.download')}
        </a>
      </div>
      {kind === 'image' && <img src={source} alt={name} className="artifact-image" />}
      {kind === 'page' && (
        // Someone's HTML: an opaque origin, no scripts.
        <iframe src={source} title={name} sandbox="" className="artifact-frame" />
      )}
      {(kind === 'text' || kind === 'table') && (
        <TextPreview source={source} isTable={kind === 'table'} name={name} />
      )}
      {kind === 'none' && <p className="muted">{t('artifacts.no_preview')}</p>}
    </>
  );
}

interface TextPreviewProps {
  source: string;
  isTable: boolean;
  name: string;
}

function TextPreview({ source, isTable, name }: TextPreviewProps) {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery({
    queryKey: ['artifact-text', source],
    queryFn: async ({ signal }) => {
      const response = await send('GET', source, {
        headers: { Accept: '*/*', Range: `bytes=0-${previewBytes - 1}` },
        signal,
      });
      const text = await response.text();
      return { text, isCut: response.status === 206 && text.length >= previewBytes };
    },
  });
  if (data === undefined) {
    return error === null ? (
      <Skeleton lines={8} />
    ) : (
      <ErrorState error={error} retry={() => void refetch()} />
    );
  }
  const table = isTable ? parseTable(data.text, name.endsWith('.tsv') ? '\t' : ',') : null;
  return (
    <>
      {data.isCut && (
        <p className="muted">{t('artifacts.cut', { size: formatBytes(previewBytes) })}</p>
      )}
      {table !== null ? (
        // A scrolling region must be reachable by keyboard.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        <div className="artifact-table" tabIndex={0} role="region" aria-label={name}>
          <table className="plain-table">
            <thead>
              <tr>
                {table.header.map((cell, index) => (
                  <th key={index} scope="col">
                    {cell}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {table.rows.map((row, index) => (
                <tr key={index}>
                  {row.map((cell, place) => (
                    <td key={place}>{cell}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        <pre className="artifact-text" tabIndex={0} role="region" aria-label={name}>
          {pretty(data.text, name, data.isCut)}
        </pre>
      )}
    </>
  );
}

function pretty(text: string, name: string, isCut: boolean): string {
  if (!name.endsWith('.json') || isCut) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
