import { useVirtualizer } from '@tanstack/react-virtual';
import { useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { RunColumns } from '../../api/types';
import { Button, IconButton } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { attributeKeys, columnName, type RunColumn } from './run-columns';

interface ColumnChooserProps {
  available: RunColumns | undefined;
  chosen: RunColumn[];
  onChange: (next: RunColumn[]) => void;
  onReset: () => void;
}

const rowHeight = 28;

export function ColumnChooser(props: ColumnChooserProps) {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button icon="columns" onClick={() => setOpen(true)}>
        {t('runs.columns')}
      </Button>
      <Dialog open={isOpen} onOpenChange={setOpen} title={t('runs.columns')}>
        <ChooserBody {...props} />
      </Dialog>
    </>
  );
}

function ChooserBody({ available, chosen, onChange, onReset }: ColumnChooserProps) {
  const { t } = useTranslation();
  const [part, setPart] = useState('');
  const list = useRef<HTMLDivElement>(null);
  const names = new Set(chosen.map(columnName));
  const shown = useMemo(() => {
    const column = (kind: RunColumn['kind']) => (key: string) =>
      ({ kind, key, isPinned: false }) satisfies RunColumn;
    const wanted = part.trim().toLowerCase();
    return [
      ...attributeKeys.map(column('attributes')),
      ...(available?.metrics ?? []).map(column('metrics')),
      ...(available?.parameters ?? []).map(column('params')),
      ...(available?.tags ?? []).map(column('tags')),
    ].filter((one) => columnName(one).toLowerCase().includes(wanted));
  }, [available, part]);
  const virtualizer = useVirtualizer({
    count: shown.length,
    getScrollElement: () => list.current,
    estimateSize: () => rowHeight,
    overscan: 10,
    initialRect: { width: 400, height: 300 },
  });
  const move = (index: number, step: number) => {
    const next = [...chosen];
    const [one] = next.splice(index, 1);
    if (one !== undefined) next.splice(index + step, 0, one);
    onChange(next);
  };
  const toggle = (column: RunColumn) =>
    onChange(
      names.has(columnName(column))
        ? chosen.filter((one) => columnName(one) !== columnName(column))
        : [...chosen, column],
    );
  return (
    <div className="column-chooser">
      <div>
        <input
          type="search"
          className="input"
          placeholder={t('runs.columns_search')}
          aria-label={t('runs.columns_search')}
          value={part}
          onChange={(event) => setPart(event.target.value)}
        />
        <div ref={list} className="column-list" role="group" aria-label={t('runs.columns_all')}>
          <div style={{ height: virtualizer.getTotalSize(), position: 'relative' }}>
            {virtualizer.getVirtualItems().map((item) => {
              const column = shown[item.index];
              if (column === undefined) return null;
              return (
                <label
                  key={columnName(column)}
                  className="column-option"
                  style={{ transform: `translateY(${item.start}px)` }}
                >
                  <input
                    type="checkbox"
                    checked={names.has(columnName(column))}
                    onChange={() => toggle(column)}
                  />
                  <span className="cut grow" title={column.key}>
                    {column.kind === 'attributes'
                      ? t(`column.${column.key as 'status'}`)
                      : column.key}
                  </span>
                  <span className="muted">{t(`column.kind_${column.kind}`)}</span>
                </label>
              );
            })}
          </div>
        </div>
        {shown.length === 0 && <p className="muted">{t('runs.columns_none')}</p>}
      </div>
      <div>
        <div className="row">
          <h3 className="grow">{t('runs.columns_shown', { count: chosen.length })}</h3>
          <Button look="quiet" onClick={onReset}>
            {t('runs.columns_reset')}
          </Button>
        </div>
        <ol className="column-list chosen">
          {chosen.map((column, index) => (
            <li key={columnName(column)} className="row one-line tight">
              <span className="cut grow" title={columnName(column)}>
                {column.kind === 'attributes' ? t(`column.${column.key as 'status'}`) : column.key}
              </span>
              <IconButton
                icon="pin"
                label={t('runs.pin', { name: column.key })}
                pressed={column.isPinned}
                onClick={() =>
                  onChange(
                    chosen.map((one, place) =>
                      place === index ? { ...one, isPinned: !one.isPinned } : one,
                    ),
                  )
                }
              />
              <IconButton
                icon="up"
                label={t('runs.move_up', { name: column.key })}
                disabled={index === 0}
                onClick={() => move(index, -1)}
              />
              <IconButton
                icon="down"
                label={t('runs.move_down', { name: column.key })}
                disabled={index === chosen.length - 1}
                onClick={() => move(index, 1)}
              />
              <IconButton
                icon="close"
                label={t('runs.hide_column', { name: column.key })}
                onClick={() => toggle(column)}
              />
            </li>
          ))}
        </ol>
      </div>
    </div>
  );
}
