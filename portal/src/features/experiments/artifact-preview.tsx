import { useQuery } from '@tanstack/react-query';
import { Suspense, lazy, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { apiPath, pathWithQuery, send } from '../../api/client';
import type { Json } from '../../api/types';
import { formatBytes } from '../../i18n/format';
import { CopyableId } from '../../ui/copy';
import { Icon } from '../../ui/icon';
import { ErrorState, Skeleton } from '../../ui/states';
import { CodeText } from './code-text';
import { JsonTree } from './json-tree';
import {
  figureInJson,
  figureInPage,
  parseTable,
  previewKind,
  tableInJson,
  type PreviewTable,
} from './preview';
import './artifacts.css';

const MarkdownText = lazy(async () => ({
  default: (await import('../../ui/markdown')).MarkdownText,
}));
const PlotlyFigureView = lazy(() => import('./plotly-figure'));

const textBytes = 512 * 1024;
/** What must be read whole to be understood. */
const wholeBytes = 8 * 1024 * 1024;

function contentPath(project: string, run: string, path: string, scripts = false): string {
  return pathWithQuery(apiPath('projects', project, 'runs', run, 'artifacts', 'content'), {
    path,
    scripts: scripts ? true : undefined,
  });
}

interface PreviewProps {
  project: string;
  run: string;
  path: string;
}

export function Preview({ project, run, path }: PreviewProps) {
  const { t } = useTranslation();
  const source = contentPath(project, run, path);
  const kind = previewKind(path);
  const name = path.split('/').at(-1) ?? path;
  return (
    <>
      <div className="row one-line artifact-head">
        <span className="grow cut">
          <CopyableId id={path} full />
        </span>
        <a className="button" href={source} download={name}>
          <Icon name="download" size={14} />
          {t('action.download')}
        </a>
      </div>
      {kind === 'image' && <img src={source} alt={name} className="artifact-image" />}
      {kind === 'audio' && (
        // Someone's recording comes without captions.
        // eslint-disable-next-line jsx-a11y/media-has-caption
        <audio src={source} controls className="artifact-audio" aria-label={name} />
      )}
      {kind === 'video' && (
        // eslint-disable-next-line jsx-a11y/media-has-caption
        <video src={source} controls className="artifact-image" aria-label={name} />
      )}
      {kind === 'pdf' && <iframe src={source} title={name} className="artifact-frame" />}
      {kind === 'page' && (
        <TextSource source={source} most={wholeBytes}>
          {(text, isCut) => {
            const figure = isCut ? null : figureInPage(text);
            return figure !== null ? (
              <PlotlyFigureView figure={figure} name={name} />
            ) : (
              // Someone's HTML: an opaque origin, and the server's answer forbids it the network.
              <iframe
                src={contentPath(project, run, path, true)}
                title={name}
                sandbox="allow-scripts"
                className="artifact-frame"
              />
            );
          }}
        </TextSource>
      )}
      {kind === 'table' && (
        <TextSource source={source} most={textBytes}>
          {(text) => {
            const table = parseTable(text, name.toLowerCase().endsWith('.tsv') ? '\t' : ',');
            return table === null ? (
              <CodeText text={text} name={name} />
            ) : (
              <Table table={table} name={name} />
            );
          }}
        </TextSource>
      )}
      {kind === 'json' && (
        <TextSource source={source} most={wholeBytes}>
          {(text, isCut) => <JsonPreview text={text} isCut={isCut} name={name} />}
        </TextSource>
      )}
      {kind === 'markdown' && (
        <TextSource source={source} most={textBytes}>
          {(text) => (
            <Suspense fallback={<Skeleton lines={8} />}>
              <MarkdownText text={text} />
            </Suspense>
          )}
        </TextSource>
      )}
      {kind === 'text' && (
        <TextSource source={source} most={textBytes}>
          {(text) => <CodeText text={text} name={name} />}
        </TextSource>
      )}
      {kind === 'none' && <p className="muted">{t('artifacts.no_preview')}</p>}
    </>
  );
}

interface TextSourceProps {
  source: string;
  most: number;
  children: (text: string, isCut: boolean) => React.ReactNode;
}

/** Reads the beginning of a file, and says where it had to stop. */
function TextSource({ source, most, children }: TextSourceProps) {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery({
    queryKey: ['artifact-text', source, most],
    queryFn: async ({ signal }) => {
      const response = await send('GET', source, {
        headers: { Accept: '*/*', Range: `bytes=0-${most - 1}` },
        signal,
      });
      const bytes = await response.arrayBuffer();
      const isCut = response.status === 206 && bytes.byteLength >= most;
      return { text: new TextDecoder().decode(bytes), isCut };
    },
    staleTime: 60_000,
  });
  if (data === undefined) {
    return error === null ? (
      <Skeleton lines={8} />
    ) : (
      <ErrorState error={error} retry={() => void refetch()} />
    );
  }
  return (
    <>
      {data.isCut && <p className="muted">{t('artifacts.cut', { size: formatBytes(most) })}</p>}
      <Suspense fallback={<Skeleton lines={8} />}>{children(data.text, data.isCut)}</Suspense>
    </>
  );
}

function JsonPreview({ text, isCut, name }: { text: string; isCut: boolean; name: string }) {
  const value = useMemo((): Json | undefined => {
    if (isCut) return undefined;
    try {
      return JSON.parse(text) as Json;
    } catch {
      return undefined;
    }
  }, [text, isCut]);
  if (value === undefined) return <CodeText text={text.slice(0, textBytes)} name={name} />;
  const figure = figureInJson(value);
  if (figure !== null) return <PlotlyFigureView figure={figure} name={name} />;
  const table = tableInJson(value);
  return table === null ? (
    <JsonTree value={value} name={name} />
  ) : (
    <Table table={table} name={name} />
  );
}

function Table({ table, name }: { table: PreviewTable; name: string }) {
  return (
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
                <td key={place} title={cell}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
