import { useTranslation } from 'react-i18next';
import type { Job, Resources } from '../../api/types';
import { formatCpu, formatMebibytes } from '../../i18n/format';
import { Duration } from '../../ui/time';

export function ResourceText({ resources }: { resources: Resources }) {
  const { t } = useTranslation();
  const parts = [
    t('resources.cpu', { amount: formatCpu(resources.cpu_milli) }),
    formatMebibytes(resources.memory_mib),
  ];
  if (resources.gpus > 0) parts.push(t('resources.gpu', { amount: resources.gpus }));
  return <span className="numeric nowrap">{parts.join(' · ')}</span>;
}

/** How long it has run, or waited when it has not begun. */
export function JobDuration({ job }: { job: Job }) {
  if (job.started_at === null) return <span className="muted">–</span>;
  return <Duration from={job.started_at} to={job.finished_at} />;
}
