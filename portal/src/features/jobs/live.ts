import { useQueryClient, type InfiniteData, type QueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { apiPath, request } from '../../api/client';
import { jobQuery } from '../../api/queries';
import { follow } from '../../api/sse';
import type { Job, Page, WorkloadEvent } from '../../api/types';

const settleMs = 200;
const singlyAtMost = 20;

type Pages = InfiniteData<Page<Job>, string | null>;

/** Puts fresh copies of jobs into loaded pages, in place; a list keeps its order and its scroll. */
export function mergeJobs(data: Pages | undefined, fresh: Map<string, Job>): Pages | undefined {
  if (data === undefined) return data;
  return {
    ...data,
    pages: data.pages.map((page) =>
      page.items.some((job) => fresh.has(job.id))
        ? { ...page, items: page.items.map((job) => fresh.get(job.id) ?? job) }
        : page,
    ),
  };
}

/** Adds to the top what a list does not hold yet. */
export function prependJobs(data: Pages | undefined, newest: Job[]): Pages | undefined {
  const first = data?.pages[0];
  if (data === undefined || first === undefined) return data;
  const known = new Set(data.pages.flatMap((page) => page.items.map((job) => job.id)));
  const added = newest.filter((job) => !known.has(job.id));
  if (added.length === 0) return data;
  return {
    ...data,
    pages: [{ ...first, items: [...added, ...first.items] }, ...data.pages.slice(1)],
  };
}

async function refresh(queryClient: QueryClient, project: string, ids: Set<string>) {
  if (ids.size > singlyAtMost) {
    await queryClient.invalidateQueries({ queryKey: ['jobs', project] });
    return;
  }
  const jobs = await Promise.allSettled(
    [...ids].map((id) => request<Job>('GET', apiPath('projects', project, 'jobs', id))),
  );
  const fresh = new Map<string, Job>();
  for (const result of jobs) {
    if (result.status === 'fulfilled') fresh.set(result.value.id, result.value);
  }
  for (const job of fresh.values()) {
    queryClient.setQueryData(jobQuery(project, job.id).queryKey, job);
    void queryClient.invalidateQueries({ queryKey: ['jobs', project, 'events', job.id] });
    void queryClient.invalidateQueries({ queryKey: ['jobs', project, 'why', job.id] });
  }
  void queryClient.invalidateQueries({ queryKey: ['jobs', project, 'some'] });
  void queryClient.invalidateQueries({ queryKey: ['status'] });
  for (const query of queryClient
    .getQueryCache()
    .findAll({ queryKey: ['jobs', project, 'list'], type: 'active' })) {
    queryClient.setQueryData<Pages>(query.queryKey, (data) => mergeJobs(data, fresh));
    const state = String(query.queryKey[3]);
    const page = await request<Page<Job>>('GET', apiPath('projects', project, 'jobs'), {
      query: { state, page_size: 50 },
    });
    queryClient.setQueryData<Pages>(query.queryKey, (data) => prependJobs(data, page.items));
  }
}

/** Keeps every list and page of the project's jobs current from its event stream. */
export function useJobEvents(project: string): void {
  const queryClient = useQueryClient();
  useEffect(() => {
    let changed = new Set<string>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = follow({
      path: () => `${apiPath('projects', project, 'events')}?follow=true`,
      onEvent: (event) => {
        if (event.data === '') return;
        let id: string;
        try {
          id = (JSON.parse(event.data) as WorkloadEvent).workload_id;
        } catch {
          return;
        }
        if (id === '') return;
        changed.add(id);
        timer ??= setTimeout(() => {
          timer = undefined;
          const ids = changed;
          changed = new Set();
          // A failed refresh leaves what is shown; the next event or focus asks again.
          refresh(queryClient, project, ids).catch(() => undefined);
        }, settleMs);
      },
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [project, queryClient]);
}
