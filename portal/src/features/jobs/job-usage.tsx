import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { jobUsageQuery } from '../../api/queries';
import type { Job } from '../../api/types';
import { formatBytes, formatCpu, formatMebibytes } from '../../i18n/format';
import Chart from '../../ui/chart';
import { Section } from '../../ui/layout';
import { EmptyState, ErrorState, Skeleton } from '../../ui/states';

export default function JobUsage({ job, isLive }: { job: Job; isLive: boolean }) {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(jobUsageQuery(job.project, job.id, isLive));
  const series = useMemo(() => {
    const samples = data?.samples ?? [];
    const x = samples.map((sample) => new Date(sample.at).getTime() / 1000);
    return {
      cpu: [{ label: 'CPU', colour: 0, x, y: samples.map((sample) => sample.cpu_milli) }],
      memory: [
        {
          label: t('jobs.memory'),
          colour: 2,
          x,
          y: samples.map((sample) => sample.memory_bytes),
        },
      ],
    };
  }, [data, t]);
  if (data === undefined) {
    return error === null ? (
      <Skeleton lines={2} height={180} />
    ) : (
      <ErrorState error={error} retry={() => void refetch()} />
    );
  }
  if (data.samples.length === 0) {
    return <EmptyState title={t('jobs.usage_empty')}>{t('jobs.usage_empty_text')}</EmptyState>;
  }
  return (
    <div className="columns">
      <Section title={t('jobs.usage_cpu', { limit: formatCpu(job.resources.cpu_milli) })}>
        <Chart
          series={series.cpu}
          axis="time"
          label={t('jobs.usage_cpu', { limit: formatCpu(job.resources.cpu_milli) })}
          formatY={formatCpu}
          labelX={t('charts.axis_time')}
          fromZero
          syncKey={job.id}
          height={220}
        />
      </Section>
      <Section title={t('jobs.usage_memory', { limit: formatMebibytes(job.resources.memory_mib) })}>
        <Chart
          series={series.memory}
          axis="time"
          label={t('jobs.usage_memory', { limit: formatMebibytes(job.resources.memory_mib) })}
          formatY={formatBytes}
          labelX={t('charts.axis_time')}
          fromZero
          binary
          syncKey={job.id}
          height={220}
        />
      </Section>
    </div>
  );
}
