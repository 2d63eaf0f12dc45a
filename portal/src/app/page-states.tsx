import { Link, useRouter, type ErrorComponentProps } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { PageHeader } from '../ui/layout';
import { EmptyState, ErrorState, Skeleton } from '../ui/states';

export function PagePending() {
  return (
    <div className="page">
      <Skeleton lines={1} height={20} />
      <Skeleton lines={6} />
    </div>
  );
}

export function PageError({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  return (
    <div className="page">
      <ErrorState
        error={error}
        retry={() => {
          reset();
          void router.invalidate();
        }}
      />
    </div>
  );
}

export function NotFound() {
  const { t } = useTranslation();
  return (
    <div className="page">
      <PageHeader title={t('not_found.title')} documentTitle={t('not_found.title')} />
      <EmptyState
        title={t('not_found.text')}
        action={
          <Link to="/" className="button">
            {t('not_found.home')}
          </Link>
        }
      />
    </div>
  );
}
