export type LegacyTarget =
  | { kind: 'experiment'; experiment: string }
  | { kind: 'run'; run: string }
  | { kind: 'compare'; runs: string[] }
  | { kind: 'model'; model: string; version: string | undefined }
  | { kind: 'models' }
  | { kind: 'experiments' };

/**
 * What a link of MLflow's own web interface points at. Its client prints them
 * (`🏃 View run NAME at: URL/#/experiments/1/runs/ID`), and notebooks are full of them.
 */
export function readLegacyHash(hash: string): LegacyTarget | null {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const parts = path
    .split('/')
    .filter((part) => part !== '')
    .map(decodePart);
  const [first, second, third, fourth] = parts;
  if (first === 'experiments') {
    if (second === undefined) return { kind: 'experiments' };
    if (third === 'runs' && fourth !== undefined) return { kind: 'run', run: fourth };
    return { kind: 'experiment', experiment: second };
  }
  if (first === 'compare-runs') {
    const runs = readIds(new URLSearchParams(search).get('runs'));
    return runs.length === 0 ? null : { kind: 'compare', runs };
  }
  if (first === 'models') {
    if (second === undefined) return { kind: 'models' };
    return { kind: 'model', model: second, version: third === 'versions' ? fourth : undefined };
  }
  return null;
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function readIds(text: string | null): string[] {
  if (text === null) return [];
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
  } catch {
    return [];
  }
}
