import { structuredPatch } from 'diff';
import type { CodeFile } from '../../api/types';

export type FileChange = 'added' | 'removed' | 'changed';

export interface FileDifference {
  path: string;
  change: FileChange;
  before: CodeFile | null;
  after: CodeFile | null;
}

/** The files that two snapshots of code do not have alike, by path. */
export function differingFiles(before: CodeFile[], after: CodeFile[]): FileDifference[] {
  const old = new Map(before.map((file) => [file.path, file]));
  const found: FileDifference[] = [];
  for (const file of after) {
    const other = old.get(file.path);
    old.delete(file.path);
    if (other === undefined)
      found.push({ path: file.path, change: 'added', before: null, after: file });
    else if (other.sha256 !== file.sha256 || other.executable !== file.executable)
      found.push({ path: file.path, change: 'changed', before: other, after: file });
  }
  for (const file of old.values())
    found.push({ path: file.path, change: 'removed', before: file, after: null });
  return found.sort((left, right) => left.path.localeCompare(right.path));
}

export interface DiffLine {
  kind: 'same' | 'added' | 'removed' | 'gap';
  text: string;
  /** Counted from 1; null where the side has no such line. */
  before: number | null;
  after: number | null;
}

/** Texts that differ in more lines than this are not told apart line by line: it would take too long. */
const editsMost = 4000;

/** The lines that differ with those around them; null where two texts have too little in common. */
export function diffLines(before: string, after: string): DiffLine[] | null {
  const patch = structuredPatch('a', 'b', before, after, undefined, undefined, {
    context: 3,
    maxEditLength: editsMost,
  });
  if (patch === undefined) return null;
  const lines: DiffLine[] = [];
  for (const hunk of patch.hunks) {
    if (lines.length > 0 || hunk.oldStart > 1)
      lines.push({ kind: 'gap', text: '', before: null, after: null });
    let old = hunk.oldStart;
    let now = hunk.newStart;
    for (const line of hunk.lines) {
      const text = line.slice(1);
      if (line.startsWith('+')) lines.push({ kind: 'added', text, before: null, after: now++ });
      else if (line.startsWith('-'))
        lines.push({ kind: 'removed', text, before: old++, after: null });
      else if (line.startsWith(' '))
        lines.push({ kind: 'same', text, before: old++, after: now++ });
    }
  }
  return lines;
}
