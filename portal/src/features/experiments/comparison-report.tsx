import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { comparisonQuery } from '../../api/reproduction';
import { isLiveRun } from '../../api/queries';
import type { MetricDifference, MetricNumber, OutputDifference, Run } from '../../api/types';
import { formatBytes, formatMetric } from '../../i18n/format';
import { Button } from '../../ui/button';
import { Icon } from '../../ui/icon';
import { ErrorState, Skeleton } from '../../ui/states';
import './reproduction.css';

interface ComparisonReportProps {
  project: string;
  /** The id of the run that was made again. */
  original: string;
  run: Run;
}

/** Which metrics and outputs a run has in common with the one that it repeats, and how far the others are off. */
export function ComparisonReport({ project, original, run }: ComparisonReportProps) {
  const { t } = useTranslation();
  const isLive = isLiveRun(run);
  const { data, error, refetch } = useQuery(
    comparisonQuery(project, original, run.id, isLive ? null : (run.ended_at ?? run.started_at)),
  );
  if (data === undefined)
    return error === null ? (
      <Skeleton lines={6} />
    ) : (
      <ErrorState error={error} retry={() => void refetch()} />
    );
  const differing = data.metrics.filter((one) => !one.identical).length;
  const otherFiles = data.outputs.filter((one) => !one.identical).length;
  const nothing = data.metrics.length === 0 && data.outputs.length === 0;
  return (
    <div className="stack">
      {isLive ? (
        <p className="verdict" role="status">
          {t('reproduction.still_running')}
        </p>
      ) : nothing ? (
        <p className="verdict" role="status">
          {t('reproduction.nothing_to_compare')}
        </p>
      ) : data.identical ? (
        <p className="verdict same" role="status">
          <Icon name="check" />
          {t('reproduction.identical', {
            metrics: data.metrics.length,
            outputs: data.outputs.length,
          })}
        </p>
      ) : (
        <p className="verdict differs" role="status">
          <Icon name="warning" />
          {t('reproduction.differs', { metrics: differing, outputs: otherFiles })}
        </p>
      )}
      {data.origin.length > 0 && (
        <DifferenceTable title={t('reproduction.origin_differs')} rows={data.origin} />
      )}
      {data.parameters.length > 0 && (
        <DifferenceTable title={t('runs.parameters')} rows={data.parameters} />
      )}
      {data.metrics.length > 0 && <Metrics metrics={data.metrics} />}
      {data.outputs.length > 0 && <Outputs outputs={data.outputs} />}
    </div>
  );
}

interface DifferenceTableProps {
  title: string;
  rows: { key: string; left: string | null; right: string | null }[];
}

function DifferenceTable({ title, rows }: DifferenceTableProps) {
  const { t } = useTranslation();
  return (
    <ScrollingTable label={title}>
      <thead>
        <tr>
          <th scope="col">{title}</th>
          <th scope="col">{t('reproduction.original')}</th>
          <th scope="col">{t('reproduction.again')}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.key}>
            <th scope="row">{row.key}</th>
            <td>{row.left ?? '–'}</td>
            <td>{row.right ?? '–'}</td>
          </tr>
        ))}
      </tbody>
    </ScrollingTable>
  );
}

function ScrollingTable({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    // A scrolling region must be reachable by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="table-scroll" tabIndex={0} role="region" aria-label={label}>
      <table className="plain-table report-table" aria-label={label}>
        {children}
      </table>
    </div>
  );
}

const shownAtFirst = 20;

/** Those that differ come first; a long list is cut until asked for. */
function useDifferingFirst<Item extends { identical: boolean }>(items: Item[]) {
  const [isWhole, setWhole] = useState(false);
  const sorted = [
    ...items.filter((one) => !one.identical),
    ...items.filter((one) => one.identical),
  ];
  return {
    shown: isWhole ? sorted : sorted.slice(0, shownAtFirst),
    hidden: isWhole ? 0 : Math.max(0, sorted.length - shownAtFirst),
    showAll: () => setWhole(true),
  };
}

function number(value: MetricNumber | null): string {
  return value === null ? '–' : formatMetric(value);
}

function Metrics({ metrics }: { metrics: MetricDifference[] }) {
  const { t } = useTranslation();
  const { shown, hidden, showAll } = useDifferingFirst(metrics);
  return (
    <div>
      <ScrollingTable label={t('runs.metrics')}>
        <thead>
          <tr>
            <th scope="col">{t('runs.metric')}</th>
            <th scope="col" className="right">
              {t('reproduction.original')}
            </th>
            <th scope="col" className="right">
              {t('reproduction.again')}
            </th>
            <th scope="col" className="right">
              {t('reproduction.difference')}
            </th>
            <th scope="col" className="right">
              {t('reproduction.points_differing')}
            </th>
            <th scope="col" className="right">
              {t('reproduction.largest')}
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((metric) => (
            <tr key={metric.key}>
              <th scope="row">{metric.key}</th>
              <td className="right numeric">{number(metric.left)}</td>
              <td className="right numeric">{number(metric.right)}</td>
              {metric.identical ? (
                <td className="right is-same">{t('reproduction.same')}</td>
              ) : (
                <td className="right numeric">{number(metric.difference)}</td>
              )}
              <td className="right numeric">
                {t('reproduction.points', { count: metric.points_differing, total: metric.points })}
              </td>
              <td className="right numeric">
                {metric.identical ? '–' : number(metric.largest_difference)}
              </td>
            </tr>
          ))}
        </tbody>
      </ScrollingTable>
      <More hidden={hidden} onAll={showAll} />
    </div>
  );
}

function Outputs({ outputs }: { outputs: OutputDifference[] }) {
  const { t } = useTranslation();
  const { shown, hidden, showAll } = useDifferingFirst(outputs);
  const bytes = (size: number | null) => (size === null ? '–' : formatBytes(size));
  const verdict = (output: OutputDifference) =>
    output.left_bytes === null
      ? t('reproduction.file_new')
      : output.right_bytes === null
        ? t('reproduction.file_missing')
        : t('reproduction.file_differs');
  return (
    <div>
      <ScrollingTable label={t('reproduction.outputs')}>
        <thead>
          <tr>
            <th scope="col">{t('reproduction.output')}</th>
            <th scope="col" className="right">
              {t('reproduction.original')}
            </th>
            <th scope="col" className="right">
              {t('reproduction.again')}
            </th>
            <th scope="col" className="right" aria-label={t('reproduction.difference')} />
          </tr>
        </thead>
        <tbody>
          {shown.map((output) => (
            <tr key={output.path}>
              <th scope="row">{output.path}</th>
              <td className="right numeric">{bytes(output.left_bytes)}</td>
              <td className="right numeric">{bytes(output.right_bytes)}</td>
              {output.identical ? (
                <td className="right is-same">{t('reproduction.same')}</td>
              ) : (
                <td className="right">{verdict(output)}</td>
              )}
            </tr>
          ))}
        </tbody>
      </ScrollingTable>
      <More hidden={hidden} onAll={showAll} />
    </div>
  );
}

function More({ hidden, onAll }: { hidden: number; onAll: () => void }) {
  const { t } = useTranslation();
  if (hidden === 0) return null;
  return (
    <Button look="quiet" onClick={onAll}>
      {t('runs.more', { count: hidden })}
    </Button>
  );
}
