import { afterEach, describe, expect, it, vi } from 'vitest';
import { apiPath, pathWithQuery, rememberCsrfToken, request } from './client';
import { ApiError, errorFromBody } from './errors';

describe('errorFromBody', () => {
  it('reads our envelope', () => {
    const error = errorFromBody(
      400,
      JSON.stringify({
        error: {
          code: 'invalid_argument',
          message: 'the job was not accepted',
          details: [{ field: 'resources.gpus', message: 'expected a number' }],
          request_id: 'r1',
        },
      }),
    );
    expect(error).toBeInstanceOf(ApiError);
    expect(error.code).toBe('invalid_argument');
    expect(error.message).toBe('the job was not accepted');
    expect(error.detailFor('resources.gpus')).toBe('expected a number');
    expect(error.detailFor('name')).toBeUndefined();
    expect(error.requestId).toBe('r1');
  });

  it('reads MLflow’s envelope by its status', () => {
    const error = errorFromBody(
      404,
      '{"error_code":"RESOURCE_DOES_NOT_EXIST","message":"no such run"}',
    );
    expect(error.code).toBe('not_found');
    expect(error.message).toBe('no such run');
  });

  it('makes do with a proxy’s page, plain text and nothing', () => {
    expect(errorFromBody(502, '<html>Bad Gateway</html>').message).toBe('HTTP 502');
    expect(errorFromBody(502, '<html>Bad Gateway</html>').code).toBe('unavailable');
    expect(errorFromBody(429, 'slow down').message).toBe('slow down');
    expect(errorFromBody(418, '').code).toBe('unknown');
  });
});

describe('paths', () => {
  it('encode names and leave out what is empty', () => {
    expect(apiPath('projects', 'a b', 'models', 'churn/xgboost')).toBe(
      '/api/v1/projects/a%20b/models/churn%2Fxgboost',
    );
    expect(pathWithQuery('/jobs', { state: 'all', page_token: null, filter: '' })).toBe(
      '/jobs?state=all',
    );
  });
});

describe('request', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    rememberCsrfToken(null);
  });

  function answerWith(...responses: (Response | Error)[]) {
    const calls: { url: string; options: RequestInit }[] = [];
    vi.stubGlobal('fetch', (url: string, options: RequestInit) => {
      calls.push({ url, options });
      const next = responses.shift();
      if (next === undefined) throw new Error('one request too many');
      return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
    });
    return calls;
  }

  function headerOf(call: { options: RequestInit } | undefined, name: string): string | null {
    return new Headers(call?.options.headers).get(name);
  }

  it('sends the CSRF token on changes only', async () => {
    rememberCsrfToken('t1');
    const calls = answerWith(new Response('{"items":[]}'), new Response(''));
    expect(await request('GET', '/jobs')).toEqual({ items: [] });
    expect(await request('POST', '/jobs', { body: { a: 1 } })).toEqual({});
    expect(headerOf(calls[0], 'X-CSRF-Token')).toBeNull();
    expect(headerOf(calls[1], 'X-CSRF-Token')).toBe('t1');
    expect(calls[1]?.options.body).toBe('{"a":1}');
  });

  it('takes a fresh CSRF token once when another tab has made its own stale', async () => {
    rememberCsrfToken('old');
    const refusal = '{"error":{"code":"permission_denied","message":"the CSRF token is wrong"}}';
    const calls = answerWith(
      new Response(refusal, { status: 403 }),
      new Response('{"csrf_token":"new"}'),
      new Response('{"id":"1"}'),
    );
    expect(await request('POST', '/jobs', { body: {} })).toEqual({ id: '1' });
    expect(headerOf(calls[2], 'X-CSRF-Token')).toBe('new');
  });

  it('does not ask again for any other refusal', async () => {
    const refusal = '{"error":{"code":"permission_denied","message":"viewers may not"}}';
    answerWith(new Response(refusal, { status: 403 }));
    await expect(request('POST', '/jobs')).rejects.toMatchObject({ code: 'permission_denied' });
  });

  it('tells an unreachable server from one that answers', async () => {
    answerWith(new TypeError('Failed to fetch'));
    await expect(request('GET', '/jobs')).rejects.toMatchObject({
      code: 'unavailable',
      unreachable: true,
    });
  });

  it('refuses an answer that is not JSON', async () => {
    answerWith(new Response('<html>'));
    await expect(request('GET', '/jobs')).rejects.toMatchObject({ code: 'internal' });
  });
});
