import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiError } from '../../api/errors';
import { Button } from '../../ui/button';
import { TextField } from '../../ui/field';
import { ErrorState } from '../../ui/states';
import { daySeconds } from './queries';

interface DaysFormProps {
  seconds: number;
  onSave: (seconds: number) => void;
  isSaving: boolean;
  error: unknown;
  /** Beside the button. */
  children?: ReactNode;
}

/** How long what was deleted is kept, in days. */
export function DaysForm({ seconds, onSave, isSaving, error, children }: DaysFormProps) {
  const { t } = useTranslation();
  const [days, setDays] = useState(String(seconds / daySeconds));
  const problem = error instanceof ApiError ? error.detailFor('keep_deleted_s') : undefined;
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        onSave(Math.round(Number(days) * daySeconds));
      }}
    >
      <div className="inline-form">
        <TextField
          label={t('retention.days')}
          type="number"
          min="0"
          step="any"
          required
          value={days}
          onChange={(event) => setDays(event.target.value)}
          problem={problem}
        />
        <Button type="submit" busy={isSaving}>
          {t('retention.save')}
        </Button>
        {children}
      </div>
      {error !== null && problem === undefined && <ErrorState error={error} />}
    </form>
  );
}
