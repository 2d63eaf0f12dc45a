import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { chartAxes, type ChartSearch } from '../../app/router';

interface ChartControlsProps {
  controls: ChartSearch;
  onControls: (change: Partial<ChartSearch>) => void;
  children?: ReactNode;
}

/** How curves are drawn: what their x is, logarithms, smoothing, which metrics. */
export function ChartControls({ controls, onControls, children }: ChartControlsProps) {
  const { t } = useTranslation();
  return (
    <div className="toolbar">
      <div className="segments" role="group" aria-label={t('charts.axis')}>
        {chartAxes.map((axis) => (
          <button
            key={axis}
            type="button"
            className="segment"
            aria-pressed={(controls.axis ?? 'step') === axis}
            onClick={() => onControls({ axis: axis === 'step' ? undefined : axis })}
          >
            {t(`charts.axis_${axis}`)}
          </button>
        ))}
      </div>
      <label className="row tight">
        <input
          type="checkbox"
          checked={controls.log === '1'}
          onChange={(event) => onControls({ log: event.target.checked ? '1' : undefined })}
        />
        {t('charts.log')}
      </label>
      <label className="row tight">
        <input
          type="checkbox"
          checked={controls.logx === '1'}
          onChange={(event) => onControls({ logx: event.target.checked ? '1' : undefined })}
        />
        {t('charts.log_x')}
      </label>
      <label className="row tight">
        {t('charts.smooth')}
        <input
          type="range"
          min="0"
          max="0.98"
          step="0.02"
          value={controls.smooth ?? '0'}
          onChange={(event) =>
            onControls({ smooth: event.target.value === '0' ? undefined : event.target.value })
          }
        />
        <span className="numeric muted smooth-value">{controls.smooth ?? '0'}</span>
      </label>
      <span className="grow" />
      {children}
      <input
        type="search"
        data-page-search
        className="input small chart-filter"
        placeholder={t('charts.filter')}
        aria-label={t('charts.filter')}
        value={controls.find ?? ''}
        onChange={(event) =>
          onControls({ find: event.target.value === '' ? undefined : event.target.value })
        }
      />
    </div>
  );
}
