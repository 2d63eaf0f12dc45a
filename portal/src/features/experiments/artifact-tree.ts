import type { Artifact, Page } from '../../api/types';

export type TreeRow =
  | { kind: 'file'; path: string; depth: number; size: number }
  | { kind: 'folder'; path: string; depth: number }
  | { kind: 'loading'; path: string; depth: number }
  | { kind: 'more'; path: string; depth: number; token: string };

/** The pages of each open folder, in order; undefined while one is on its way. */
export type FolderPages = Map<string, (Page<Artifact> | undefined)[]>;

export function parentsOf(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** The rows of a tree whose open folders are spread out below their names. */
export function flattenTree(folders: FolderPages): TreeRow[] {
  const rows: TreeRow[] = [];
  const spread = (folder: string, depth: number) => {
    const pages = folders.get(folder) ?? [];
    for (const page of pages) {
      if (page === undefined) {
        if (depth > 0) rows.push({ kind: 'loading', path: `${folder}/ loading`, depth });
        return;
      }
      for (const item of page.items) {
        if (!item.is_directory) {
          rows.push({ kind: 'file', path: item.path, depth, size: item.size_bytes });
          continue;
        }
        rows.push({ kind: 'folder', path: item.path, depth });
        if (folders.has(item.path)) spread(item.path, depth + 1);
      }
    }
    const token = pages.at(-1)?.next_page_token;
    if (token !== null && token !== undefined)
      rows.push({ kind: 'more', path: folder, depth, token });
  };
  spread('', 0);
  return rows;
}
