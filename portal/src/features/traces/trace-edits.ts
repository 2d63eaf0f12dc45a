import { apiPath, request } from '../../api/client';

/** The server takes one trace a request; so many are on their way at once. */
const atOnce = 6;

/** Does something to each of many, and stops at the first that fails: what was done, and the error. */
export async function forEachOf<Item>(
  items: Item[],
  act: (item: Item) => Promise<unknown>,
): Promise<{ done: number; error: unknown }> {
  let next = 0;
  let done = 0;
  let error: unknown = null;
  const worker = async () => {
    while (next < items.length && error === null) {
      const item = items[next++];
      if (item === undefined) return;
      try {
        await act(item);
        done += 1;
      } catch (problem) {
        error ??= problem;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return { done, error };
}

export function deleteTrace(project: string, id: string): Promise<unknown> {
  return request('DELETE', apiPath('projects', project, 'traces', id));
}

export function setTraceTag(project: string, id: string, key: string, value: string) {
  return request('PUT', apiPath('projects', project, 'traces', id, 'tags', key), {
    body: { value },
  });
}

export function removeTraceTag(project: string, id: string, key: string): Promise<unknown> {
  return request('DELETE', apiPath('projects', project, 'traces', id, 'tags', key));
}

/** Tags that MLflow's clients set for themselves; those that a reader wants to see are few. */
export function isOwnKey(name: string): boolean {
  return (
    !name.startsWith('mlflow.') ||
    ['mlflow.trace.session', 'mlflow.trace.user', 'mlflow.source.name'].includes(name)
  );
}
