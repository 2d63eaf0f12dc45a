import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { loggedModelsQuery } from '../../api/tracking';
import { formatMetric } from '../../i18n/format';
import { CopyableId } from '../../ui/copy';
import { Definitions } from '../../ui/layout';
import { EmptyState, ErrorState, Skeleton } from '../../ui/states';
import { RelativeTime } from '../../ui/time';

/** The models that a run made, whether they were registered or not. */
export default function LoggedModels({ project, run }: { project: string; run: string }) {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(loggedModelsQuery(project, run));
  if (data === undefined) {
    return error === null ? (
      <Skeleton lines={5} />
    ) : (
      <ErrorState error={error} retry={() => void refetch()} />
    );
  }
  if (data.items.length === 0) {
    return (
      <EmptyState
        title={t('logged_models.empty')}
        command={'import mlflow\nmlflow.sklearn.log_model(model, name="model")'}
      />
    );
  }
  return (
    <ul className="logged-models">
      {data.items.map((model) => (
        <li key={model.id} className="section">
          <div className="row">
            <h2>{model.name}</h2>
            {model.model_type !== '' && <span className="badge">{model.model_type}</span>}
            <span className="badge">{t(`logged_models.${statusOf(model.status)}`)}</span>
            <CopyableId id={`models:/${model.id}`} full />
            <span className="grow" />
            <span className="muted">
              <RelativeTime at={model.created_at} />
            </span>
          </div>
          <Definitions
            rows={[
              ...Object.entries(model.parameters),
              ...model.metrics.map((metric): [string, React.ReactNode] => [
                metric.dataset_name === '' ? metric.key : `${metric.key} · ${metric.dataset_name}`,
                <span key="value" className="numeric">
                  {formatMetric(metric.point.value)}
                </span>,
              ]),
              ...Object.entries(model.tags).filter(([key]) => !key.startsWith('mlflow.')),
            ]}
            empty={t('logged_models.plain')}
          />
          {model.source_run_id !== null && model.source_run_id !== run && (
            <Link
              className="link"
              to="/$project/runs/$runId"
              params={{ project, runId: model.source_run_id }}
            >
              {model.source_run_id}
            </Link>
          )}
        </li>
      ))}
    </ul>
  );
}

function statusOf(status: string): 'ready' | 'pending' | 'failed' {
  if (status.endsWith('READY')) return 'ready';
  return status.endsWith('PENDING') ? 'pending' : 'failed';
}
