import { queryOptions } from '@tanstack/react-query';
import { apiPath, request } from '../../api/client';
import type { Collection, CollectionStatus, Retention } from '../../api/types';

export const daySeconds = 24 * 3600;

function projectPath(project: string): string {
  return apiPath('projects', project, 'retention');
}

export function projectRetentionQuery(project: string) {
  return queryOptions({
    queryKey: ['retention', project],
    queryFn: ({ signal }) => request<Retention>('GET', projectPath(project), { signal }),
  });
}

/** null: as the server says. */
export function setProjectRetention(project: string, seconds: number | null): Promise<Retention> {
  return seconds === null
    ? request<Retention>('DELETE', projectPath(project))
    : request<Retention>('PUT', projectPath(project), { body: { keep_deleted_s: seconds } });
}

export const collectionQuery = queryOptions({
  queryKey: ['collection'],
  queryFn: ({ signal }) => request<CollectionStatus>('GET', apiPath('collection'), { signal }),
  refetchInterval: (query) => (query.state.data?.running === true ? 2000 : false),
});

export function setRetention(seconds: number): Promise<Retention> {
  return request<Retention>('PUT', apiPath('retention'), { body: { keep_deleted_s: seconds } });
}

export function collect(dryRun: boolean): Promise<Collection> {
  return request<Collection>('POST', apiPath('collection'), { body: { dry_run: dryRun } });
}
