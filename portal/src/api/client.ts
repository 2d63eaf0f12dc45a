import { ApiError, errorFromBody } from './errors';
import type { Session } from './types';

export type Query = Record<string, string | number | boolean | null | undefined>;

let csrfToken: string | null = null;

/** The token lives in memory only; a reload asks the server for the session again. */
export function rememberCsrfToken(token: string | null): void {
  csrfToken = token;
}

export function pathWithQuery(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') search.set(key, String(value));
  }
  const encoded = search.toString();
  return encoded === '' ? path : `${path}?${encoded}`;
}

/** Joins path segments, each percent-encoded: names may hold slashes and spaces. */
export function apiPath(...segments: (string | number)[]): string {
  return `/api/v1/${segments.map((segment) => encodeURIComponent(segment)).join('/')}`;
}

export interface RequestOptions {
  query?: Query;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

/** Sends one request; a response that is not 2xx, and a server that cannot be reached, is an ApiError. */
export async function send(
  method: string,
  path: string,
  options: RequestOptions = {},
): Promise<Response> {
  const attempt = () => fetchOnce(method, path, options);
  try {
    return await attempt();
  } catch (error) {
    // Another tab may have signed in again since: the cookie is shared, the token is not.
    const isStaleToken =
      method !== 'GET' &&
      error instanceof ApiError &&
      error.code === 'permission_denied' &&
      /csrf/i.test(error.message);
    if (!isStaleToken) throw error;
    rememberCsrfToken((await request<Session>('GET', apiPath('session'))).csrf_token);
    return attempt();
  }
}

async function fetchOnce(method: string, path: string, options: RequestOptions): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json', ...options.headers };
  if (method !== 'GET' && csrfToken !== null && csrfToken !== '')
    headers['X-CSRF-Token'] = csrfToken;
  if (options.body !== undefined) headers['Content-Type'] = 'application/json';
  let response: Response;
  try {
    response = await fetch(pathWithQuery(path, options.query), {
      method,
      headers,
      body: options.body === undefined ? null : JSON.stringify(options.body),
      signal: options.signal ?? null,
      credentials: 'same-origin',
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError('unavailable', error instanceof Error ? error.message : String(error), 0);
  }
  if (!response.ok) throw errorFromBody(response.status, await response.text());
  return response;
}

export async function request<Result>(
  method: string,
  path: string,
  options: RequestOptions = {},
): Promise<Result> {
  const response = await send(method, path, options);
  const body = await response.text();
  if (body === '') return {} as Result;
  try {
    return JSON.parse(body) as Result;
  } catch {
    throw new ApiError('internal', `${path} answered something that is not JSON`, response.status);
  }
}

export function createHeaders(): Record<string, string> {
  return { 'Idempotency-Key': crypto.randomUUID() };
}
