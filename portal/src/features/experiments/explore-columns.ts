import type { RunColumns } from '../../api/types';
import type { ExperimentSearch } from '../../app/router';
import { textToList } from '../../app/search';

export { metricOf } from './run-columns';

const axesAtFirst = 5;

/** What the address asks to draw, else the first parameters and metrics. */
export function exploreColumns(search: ExperimentSearch, available: RunColumns | undefined) {
  const metrics = (available?.metrics ?? [])
    .filter((key) => !key.startsWith('system/'))
    .map((key) => `metrics.${key}`);
  const parameters = (available?.parameters ?? []).map((key) => `params.${key}`);
  const metric = metrics[0] ?? '';
  const axes =
    search.axes === undefined
      ? [...parameters.slice(0, axesAtFirst), ...metrics.slice(0, parameters.length > 0 ? 1 : 4)]
      : textToList(search.axes);
  return {
    axes,
    x: search.x ?? parameters[0] ?? 'attributes.start_time',
    y: search.y ?? metric,
    colour: search.colour === '-' ? '' : (search.colour ?? metric),
  };
}
