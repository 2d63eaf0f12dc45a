import { useQueries } from '@tanstack/react-query';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { apiPath, request } from '../../api/client';
import type { Artifact, Page, Run } from '../../api/types';
import { formatBytes } from '../../i18n/format';
import { Icon } from '../../ui/icon';
import { EmptyState, ErrorState, Skeleton } from '../../ui/states';
import { Preview } from './artifact-preview';
import { flattenTree, parentsOf, type FolderPages } from './artifact-tree';
import './artifacts.css';

interface ArtifactsProps {
  project: string;
  run: Run;
  path: string | undefined;
  onPath: (path: string) => void;
}

const rowHeight = 28;
const pageSize = 1000;

/** A run's files: folders open in place, and only the rows in view exist. */
export default function Artifacts({ project, run, path, onPath }: ArtifactsProps) {
  const { t } = useTranslation();
  // Which pages of which folders are wanted; a page is named by its token.
  const [open, setOpen] = useState<ReadonlyMap<string, readonly string[]>>(
    () => new Map(['', ...parentsOf(path ?? '')].map((folder) => [folder, ['']])),
  );
  const box = useRef<HTMLElement>(null);
  const wanted = [...open].flatMap(([folder, tokens]) =>
    tokens.map((token) => ({ folder, token })),
  );
  const results = useQueries({
    queries: wanted.map(({ folder, token }) => ({
      queryKey: ['runs', project, 'artifacts', run.id, folder, 'page', token],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        request<Page<Artifact>>('GET', apiPath('projects', project, 'runs', run.id, 'artifacts'), {
          query: { path: folder, page_size: pageSize, page_token: token },
          signal,
        }),
    })),
  });
  const folders: FolderPages = new Map();
  wanted.forEach(({ folder }, place) => {
    const pages = folders.get(folder) ?? [];
    pages.push(results[place]?.data);
    folders.set(folder, pages);
  });
  const rows = flattenTree(folders);
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => rowHeight,
    overscan: 20,
    initialRect: { width: 300, height: 600 },
  });
  const items = virtualizer.getVirtualItems();

  // What is not loaded yet is asked for once it comes into view.
  const next = items.map((item) => rows[item.index]).find((row) => row?.kind === 'more');
  const nextFolder = next?.path;
  const nextToken = next?.kind === 'more' ? next.token : undefined;
  useEffect(() => {
    if (nextFolder === undefined || nextToken === undefined) return;
    setOpen((old) => {
      const tokens = old.get(nextFolder) ?? [];
      return tokens.includes(nextToken)
        ? old
        : new Map(old).set(nextFolder, [...tokens, nextToken]);
    });
  }, [nextFolder, nextToken]);

  const error = results.find((one) => one.error !== null)?.error ?? null;
  const isEmpty = folders.get('')?.[0]?.items.length === 0;
  if (isEmpty) {
    return (
      <EmptyState
        title={t('artifacts.empty')}
        command={'import mlflow\nmlflow.log_artifact("confusion.png")'}
      />
    );
  }
  return (
    <div className="artifacts">
      <nav ref={box} className="artifact-tree" aria-label={t('runs.tab_artifacts')}>
        {error !== null && <ErrorState error={error} />}
        {folders.get('')?.[0] === undefined && error === null && <Skeleton lines={4} />}
        <ul style={{ height: virtualizer.getTotalSize(), position: 'relative' }}>
          {items.map((item) => {
            const row = rows[item.index];
            if (row === undefined) return null;
            const name = row.path.split('/').at(-1) ?? row.path;
            return (
              <li
                key={row.kind === 'more' ? `${row.path}/ more` : row.path}
                style={{
                  position: 'absolute',
                  width: '100%',
                  transform: `translateY(${item.start}px)`,
                }}
              >
                {row.kind === 'more' || row.kind === 'loading' ? (
                  <div className="artifact-entry muted" style={{ paddingLeft: 6 + row.depth * 16 }}>
                    {t('common.loading')}
                  </div>
                ) : (
                  <button
                    type="button"
                    className="artifact-entry"
                    style={{ paddingLeft: 6 + row.depth * 16 }}
                    title={name}
                    {...(row.kind === 'folder'
                      ? { 'aria-expanded': open.has(row.path) }
                      : { 'aria-current': path === row.path || undefined })}
                    onClick={() => {
                      if (row.kind === 'file') {
                        onPath(row.path);
                        return;
                      }
                      const changed = new Map(open);
                      if (!changed.delete(row.path)) changed.set(row.path, ['']);
                      setOpen(changed);
                    }}
                  >
                    {row.kind === 'folder' ? (
                      <Icon name={open.has(row.path) ? 'chevronDown' : 'chevronRight'} size={12} />
                    ) : (
                      <span className="artifact-indent" />
                    )}
                    <Icon name={row.kind === 'folder' ? 'folder' : 'file'} size={14} />
                    <span className="cut grow">{name}</span>
                    {row.kind === 'file' && <span className="muted">{formatBytes(row.size)}</span>}
                  </button>
                )}
              </li>
            );
          })}
        </ul>
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
