import { queryOptions } from '@tanstack/react-query';
import { apiPath, createHeaders, request, pathWithQuery, send } from './client';
import { searchRows } from './tracking';
import type { CodeFile, CodeSnapshot, Job, Page, RunComparison, RunRow, Timestamp } from './types';

// How runs were made, and runs that were made once more.

export const reproducesTag = 'maru.reproduces';
export const forkedFromTag = 'maru.forked_from';
export const parentTag = 'mlflow.parentRunId';

export interface Fork {
  parameters: Record<string, string>;
  name?: string;
}

export function forkRun(project: string, run: string, fork: Fork): Promise<Job> {
  return request<Job>('POST', apiPath('projects', project, 'runs', run, 'fork'), {
    body: fork,
    headers: createHeaders(),
  });
}

export function reproduceRun(project: string, run: string): Promise<Job> {
  return request<Job>('POST', apiPath('projects', project, 'runs', run, 'reproduce'), {
    body: {},
    headers: createHeaders(),
  });
}

/** The job that a fork would queue. */
export function forkPreviewQuery(project: string, run: string, fork: Fork) {
  return queryOptions({
    queryKey: ['runs', project, 'fork-preview', run, fork],
    queryFn: ({ signal }) =>
      request<Job>('POST', apiPath('projects', project, 'runs', run, 'fork-preview'), {
        body: fork,
        signal,
      }),
    retry: false,
    staleTime: 60_000,
  });
}

/** `until` is when the later one ended; null while it goes on, and the comparison is read again. */
export function comparisonQuery(
  project: string,
  run: string,
  other: string,
  until: Timestamp | null,
) {
  return queryOptions({
    queryKey: ['runs', project, 'comparison', run, other, until],
    queryFn: ({ signal }) =>
      request<RunComparison>('GET', apiPath('projects', project, 'runs', run, 'comparison'), {
        query: { other },
        signal,
      }),
    refetchInterval: until === null ? 5000 : false,
  });
}

/** Runs of an experiment that name another one in a tag: those nested in it, its forks. */
export function runsNamingQuery(project: string, experiment: string, tag: string, run: string) {
  return queryOptions({
    queryKey: ['runs', project, 'naming', experiment, tag, run],
    queryFn: async ({ signal }): Promise<{ items: RunRow[]; total: number }> => {
      const search = { project, experiment, filter: `tags.\`${tag}\` = '${run}'` };
      return searchRows(search, { page_size: 50 }, signal);
    },
    staleTime: 5000,
  });
}

// Code. A snapshot's id is the digest of what is in it: it never changes.

const codeFilesPerPage = 1000;

export function codeSnapshotQuery(project: string, id: string) {
  return queryOptions({
    queryKey: ['code', project, id],
    queryFn: ({ signal }) =>
      request<CodeSnapshot>('GET', apiPath('projects', project, 'code-snapshots', id), { signal }),
    staleTime: Infinity,
  });
}

export function codeFilesQuery(project: string, id: string) {
  return queryOptions({
    queryKey: ['code', project, id, 'files'],
    queryFn: async ({ signal }): Promise<CodeFile[]> => {
      const files: CodeFile[] = [];
      let token: string | null = null;
      do {
        const page: Page<CodeFile> = await request<Page<CodeFile>>(
          'GET',
          apiPath('projects', project, 'code-snapshots', id, 'files'),
          { query: { page_size: codeFilesPerPage, page_token: token }, signal },
        );
        files.push(...page.items);
        token = page.next_page_token;
      } while (token !== null);
      return files;
    },
    staleTime: Infinity,
  });
}

function textIn(bytes: ArrayBuffer): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return text.includes('\0') ? null : text;
  } catch {
    return null;
  }
}

/** The text of one file; null where it is none. */
export function codeTextQuery(project: string, id: string, path: string) {
  return queryOptions({
    queryKey: ['code', project, id, 'text', path],
    queryFn: async ({ signal }): Promise<string | null> => {
      const address = pathWithQuery(apiPath('projects', project, 'code-snapshots', id, 'content'), {
        path,
      });
      const response = await send('GET', address, { headers: { Accept: '*/*' }, signal });
      return textIn(await response.arrayBuffer());
    },
    staleTime: Infinity,
  });
}
