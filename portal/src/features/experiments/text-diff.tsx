import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { codeTextQuery } from '../../api/reproduction';
import { ErrorState, Skeleton } from '../../ui/states';
import { diffLines, type FileDifference } from './code-difference';

const bytesMost = 512 * 1024;
const linesShown = 2000;

interface TextDiffProps {
  project: string;
  /** Ids of code snapshots. */
  before: string;
  after: string;
  file: FileDifference;
}

/** One file of two snapshots, line by line. */
export default function TextDiff({ project, before, after, file }: TextDiffProps) {
  const { t } = useTranslation();
  const isLarge = Math.max(file.before?.size_bytes ?? 0, file.after?.size_bytes ?? 0) > bytesMost;
  const old = useQuery({
    ...codeTextQuery(project, before, file.path),
    enabled: !isLarge && file.before !== null,
  });
  const now = useQuery({
    ...codeTextQuery(project, after, file.path),
    enabled: !isLarge && file.after !== null,
  });
  const oldText = file.before === null ? '' : old.data;
  const newText = file.after === null ? '' : now.data;
  const lines = useMemo(
    () =>
      typeof oldText === 'string' && typeof newText === 'string'
        ? diffLines(oldText, newText)
        : null,
    [oldText, newText],
  );
  const error = old.error ?? now.error;
  if (isLarge) return <p className="muted">{t('compare.file_large')}</p>;
  if (error !== null) return <ErrorState error={error} />;
  if (oldText === undefined || newText === undefined) return <Skeleton lines={4} />;
  if (oldText === null || newText === null)
    return <p className="muted">{t('compare.file_binary')}</p>;
  if (lines === null) return <p className="muted">{t('compare.file_rewritten')}</p>;
  if (lines.length === 0) return <p className="muted">{t('compare.file_mode')}</p>;
  return (
    // A scrolling region must be reachable by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="text-diff" tabIndex={0} role="region" aria-label={file.path}>
      <table>
        <tbody>
          {lines.slice(0, linesShown).map((line, index) => (
            <tr key={index} className={`diff-${line.kind}`}>
              <td className="diff-number">{line.before}</td>
              <td className="diff-number">{line.after}</td>
              <td className="diff-sign">
                {line.kind === 'added' && <ins aria-label={t('compare.line_added')}>+</ins>}
                {line.kind === 'removed' && <del aria-label={t('compare.line_removed')}>−</del>}
              </td>
              <td className="diff-text">{line.kind === 'gap' ? '⋯' : line.text}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {lines.length > linesShown && (
        <p className="muted">{t('runs.more', { count: lines.length - linesShown })}</p>
      )}
    </div>
  );
}
