import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { columnId, type RunColumn } from './run-columns';

interface ColumnChooserProps {
  available: RunColumn[];
  chosen: RunColumn[];
  onChange: (next: RunColumn[]) => void;
}

export function ColumnChooser({ available, chosen, onChange }: ColumnChooserProps) {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(false);
  const [filter, setFilter] = useState('');
  const chosenIds = new Set(chosen.map(columnId));
  const shown = available.filter((column) =>
    column.key.toLowerCase().includes(filter.trim().toLowerCase()),
  );
  const group = (kind: RunColumn['kind'], title: string) => {
    const columns = shown.filter((column) => column.kind === kind);
    if (columns.length === 0) return null;
    return (
      <fieldset className="column-group">
        <legend>{title}</legend>
        {columns.map((column) => {
          const id = columnId(column);
          return (
            <label key={id} className="row tight">
              <input
                type="checkbox"
                checked={chosenIds.has(id)}
                onChange={() =>
                  onChange(
                    chosenIds.has(id)
                      ? chosen.filter((one) => columnId(one) !== id)
                      : [...chosen, column],
                  )
                }
              />
              <span className="cut">{column.key}</span>
            </label>
          );
        })}
      </fieldset>
    );
  };
  return (
    <>
      <Button icon="columns" onClick={() => setOpen(true)}>
        {t('runs.columns')}
      </Button>
      <Dialog open={isOpen} onOpenChange={setOpen} title={t('runs.columns')}>
        <input
          type="search"
          className="input"
          placeholder={t('runs.columns_search')}
          aria-label={t('runs.columns_search')}
          value={filter}
          onChange={(event) => setFilter(event.target.value)}
        />
        <div className="columns">
          {group('metric', t('runs.metrics'))}
          {group('parameter', t('runs.parameters'))}
        </div>
        {available.length === 0 && <p className="muted">{t('runs.columns_none')}</p>}
      </Dialog>
    </>
  );
}
