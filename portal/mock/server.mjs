// The server's contract over data in memory, for looking at the portal and for its visual checks. Never shipped.
// Serves `dist/` with the same strict Content-Security-Policy as the real server.
//   node mock/server.mjs            http://127.0.0.1:7071, user admin, password admin
//   MARU_MOCK=empty node mock/...   the same with nothing in it
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createData, logText } from './data.mjs';

const dist = fileURLToPath(new URL('../dist', import.meta.url));
const port = Number(process.env.MARU_PORT ?? 7071);
const data = createData(process.env.MARU_MOCK === 'empty');
const csrfToken = 'mock-csrf-token';
const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.png': 'image/png',
};
const statusOf = {
  invalid_argument: 400,
  unauthenticated: 401,
  permission_denied: 403,
  not_found: 404,
  already_exists: 409,
  failed_precondition: 400,
  internal: 500,
};

class Refusal extends Error {
  constructor(code, message, details = []) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

const listeners = new Set();
function publish(event) {
  data.events.push(event);
  for (const listener of listeners) listener(event);
}

function setState(job, state, reason, extra = {}) {
  const previous = job.state;
  Object.assign(job, { state, reason }, extra);
  for (const replica of job.replicas) replica.state = state;
  publish({
    number: data.events.length + 1,
    at: new Date().toISOString(),
    workload_id: job.id,
    state,
    previous_state: previous,
    reason,
    attempt: job.attempt,
  });
}

function page(items, url) {
  const size = Number(url.searchParams.get('page_size') ?? 100);
  const from = Number(url.searchParams.get('page_token') ?? 0);
  const next = from + size < items.length ? String(from + size) : null;
  return { items: items.slice(from, from + size), next_page_token: next };
}

function find(items, key, value, what) {
  const found = items.find((item) => item[key] === value);
  if (found === undefined) throw new Refusal('not_found', `no ${what} "${value}"`);
  return found;
}

const isActive = (job) => ['queued', 'starting', 'running', 'preempted'].includes(job.state);

function filterRuns(runs, filter) {
  if (filter === '') return runs;
  const match =
    /^\s*(metrics|params)\.`?([\w/ -]+)`?\s*(>=|<=|>|<|=|!=)\s*(?:'([^']*)'|([\d.eE+-]+))\s*$/.exec(
      filter,
    );
  if (match === null) {
    throw new Refusal('invalid_argument', `cannot read the filter: ${filter}`, [
      {
        field: 'filter',
        message: 'expected KEY OPERATOR VALUE, for example metrics.accuracy > 0.9',
      },
    ]);
  }
  const [, kind, spacedKey, operator, text, number] = match;
  const key = spacedKey.trim();
  const wanted = text ?? Number(number);
  return runs.filter((run) => {
    const value = kind === 'metrics' ? run.metrics[key]?.value : run.parameters[key];
    if (value === undefined) return false;
    if (operator === '=') return String(value) === String(wanted);
    if (operator === '!=') return String(value) !== String(wanted);
    if (operator === '>') return value > wanted;
    if (operator === '<') return value < wanted;
    return operator === '>=' ? value >= wanted : value <= wanted;
  });
}

function orderRuns(runs, orderBy) {
  const [key = 'attributes.start_time', direction = 'DESC'] = orderBy.split(' ');
  const [kind, ...rest] = key.split('.');
  const name = rest.join('.').replaceAll('`', '');
  const read = (run) =>
    kind === 'metrics'
      ? run.metrics[name]?.value
      : kind === 'params'
        ? run.parameters[name]
        : run.started_at;
  const sign = direction === 'ASC' ? 1 : -1;
  return [...runs].sort((left, right) => {
    const [a, b] = [read(left), read(right)];
    if (a === undefined) return 1;
    if (b === undefined) return -1;
    return sign * (a < b ? -1 : a > b ? 1 : 0);
  });
}

const routes = [];
const route = (method, pattern, handle) =>
  routes.push({
    method,
    pattern: new RegExp(`^${pattern.replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`),
    handle,
  });
const inProject = '/api/v1/projects/{project}';

route('GET', '/api/v1/session', ({ signedIn }) => {
  if (!signedIn) throw new Refusal('unauthenticated', 'no session');
  return session();
});
route('POST', '/api/v1/session', ({ body, response }) => {
  if (body.username !== 'admin' || body.password !== 'admin') {
    throw new Refusal('unauthenticated', 'unknown user or wrong password');
  }
  response.setHeader('Set-Cookie', 'maru_session=mock; HttpOnly; SameSite=Lax; Path=/');
  return session();
});
route('POST', '/api/v1/session/link', ({ body, response }) => {
  if (body.token !== 'mock-link') {
    throw new Refusal('unauthenticated', 'this sign-in link has been used or has expired');
  }
  response.setHeader('Set-Cookie', 'maru_session=mock; HttpOnly; SameSite=Lax; Path=/');
  return session();
});
route('DELETE', '/api/v1/session', ({ response }) => {
  response.setHeader('Set-Cookie', 'maru_session=; Max-Age=0; Path=/');
  return {};
});
route('POST', '/api/v1/session/password', () => ({}));
const session = () => ({
  user: data.users[0],
  csrf_token: csrfToken,
  auth: 'local',
  projects: data.projects.map(({ name, role }) => ({ name, role })),
});

route('GET', '/api/v1/users', ({ url }) => page(data.users, url));
route('POST', '/api/v1/users', ({ body }) => {
  const user = data.makeUser(body.name, body.display_name, body.admin);
  data.users.push(user);
  return user;
});
route('PATCH', '/api/v1/users/{name}', ({ path, body }) =>
  Object.assign(find(data.users, 'name', path.name, 'user'), body),
);
route('GET', '/api/v1/tokens', ({ url }) => page(data.tokens, url));
route('POST', '/api/v1/tokens', ({ body }) => {
  const token = data.makeToken(body.name, body.scopes, body.project ?? null, body.expires_in_s);
  data.tokens.push(token);
  return { ...token, secret: 'maru_0123456789abcdefghijklmnopqrstuvwxyz' };
});
route('DELETE', '/api/v1/tokens/{id}', ({ path }) => {
  data.tokens = data.tokens.filter((token) => token.id !== path.id);
  return {};
});
route('GET', '/api/v1/projects', ({ url }) => page(data.projects, url));
route('POST', '/api/v1/projects', ({ body }) => {
  if (data.projects.some((project) => project.name === body.name)) {
    throw new Refusal('already_exists', `a project "${body.name}" exists`);
  }
  if (!/^[a-z][a-z0-9-]*$/.test(body.name)) {
    throw new Refusal('invalid_argument', 'the project was not accepted', [
      { field: 'name', message: `"${body.name}" must be lower-case letters, digits and dashes` },
    ]);
  }
  const project = data.makeProject(body.name, body.description);
  data.projects.push(project);
  return project;
});
route('DELETE', '/api/v1/projects/{project}', ({ path }) => {
  throw new Refusal('failed_precondition', `project "${path.project}" is not empty: it has jobs`);
});
route('GET', `${inProject}/members`, ({ url }) => page(data.members, url));
route('PUT', `${inProject}/members/{user}`, ({ path, body }) => {
  find(data.users, 'name', path.user, 'user');
  data.members = data.members.filter((member) => member.user !== path.user);
  data.members.push({ user: path.user, role: body.role });
  return { user: path.user, role: body.role };
});
route('DELETE', `${inProject}/members/{user}`, ({ path }) => {
  data.members = data.members.filter((member) => member.user !== path.user);
  return {};
});
route('GET', '/api/v1/audit', ({ url }) => page(data.audit, url));
route('GET', '/api/v1/status', () => ({
  version: '0.1.0',
  nodes: data.nodes,
  jobs_running: data.jobs.filter((job) => job.state === 'running').length,
  jobs_queued: data.jobs.filter((job) => job.state === 'queued').length,
}));

route('GET', `${inProject}/jobs`, ({ url }) => {
  const state = url.searchParams.get('state') ?? 'all';
  const jobs = data.jobs.filter(
    (job) => state === 'all' || (state === 'active' ? isActive(job) : job.state === state),
  );
  return page(jobs, url);
});
route('POST', `${inProject}/jobs`, ({ body }) => {
  if (body.resources?.gpus > 4) {
    throw new Refusal('invalid_argument', 'the job was not accepted', [
      {
        field: 'resources.gpus',
        message: `no node has ${body.resources.gpus} GPUs; the largest has 4`,
      },
    ]);
  }
  const job = data.makeJob({ ...body, name: body.name ?? body.command[0], state: 'queued' });
  job.queued_at = new Date().toISOString();
  job.started_at = null;
  data.jobs.unshift(job);
  setState(job, 'queued', 'waiting for a free slot');
  setTimeout(() => {
    setState(job, 'running', '', { started_at: new Date().toISOString() });
  }, 1500);
  return job;
});
route('GET', `${inProject}/jobs/{id}`, ({ path }) => find(data.jobs, 'id', path.id, 'job'));
route('POST', `${inProject}/jobs/{id}/stop`, ({ path }) => {
  const job = find(data.jobs, 'id', path.id, 'job');
  setState(job, 'stopped', 'stopped by admin', { finished_at: new Date().toISOString() });
  return job;
});
route('POST', `${inProject}/jobs/{id}/retry`, ({ path }) => {
  const job = find(data.jobs, 'id', path.id, 'job');
  const again = data.makeJob({ ...job, state: 'queued', reason: 'waiting for a free slot' });
  again.queued_at = new Date().toISOString();
  again.started_at = again.finished_at = again.exit_code = null;
  data.jobs.unshift(again);
  return again;
});
route('GET', `${inProject}/jobs/{id}/events`, ({ path, url }) =>
  page(data.eventsOf(find(data.jobs, 'id', path.id, 'job')), url),
);
route('GET', `${inProject}/jobs/{id}/usage`, ({ path }) => ({
  samples: data.usageOf(find(data.jobs, 'id', path.id, 'job')),
}));
route('GET', `${inProject}/jobs/{id}/why`, ({ path }) => {
  const job = find(data.jobs, 'id', path.id, 'job');
  return {
    reason: job.reason,
    position: 1,
    estimated_start_at: new Date(Date.now() + 8 * 60_000).toISOString(),
  };
});
route('GET', `${inProject}/jobs/{id}/logs`, (context) => {
  const { path, url, request, response } = context;
  const job = find(data.jobs, 'id', path.id, 'job');
  const bytes = Buffer.from(logText(job));
  if (url.searchParams.get('follow') === 'true') {
    followLog(job, bytes, Number(url.searchParams.get('offset') ?? 0), context);
    return undefined;
  }
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  return sendRange(bytes, request, response);
});
route('GET', `${inProject}/events`, ({ request, response, url }) => {
  startStream(response);
  const from = Number(
    request.headers['last-event-id'] ?? url.searchParams.get('after') ?? data.events.length,
  );
  const send = (event) =>
    response.write(`id: ${event.number}\nevent: workload\ndata: ${JSON.stringify(event)}\n\n`);
  for (const event of data.events.slice(from)) send(event);
  listeners.add(send);
  request.on('close', () => listeners.delete(send));
  return undefined;
});

route('GET', `${inProject}/experiments`, ({ url }) => page(data.experiments, url));
route('GET', `${inProject}/runs`, ({ url }) => {
  const wanted = url.searchParams.get('experiment');
  const runs = data.runs.filter(
    (run) => wanted === null || run.experiment_id === wanted || run.experiment_name === wanted,
  );
  const filtered = filterRuns(runs, url.searchParams.get('filter') ?? '');
  return page(orderRuns(filtered, url.searchParams.get('order_by') ?? ''), url);
});
route('GET', `${inProject}/runs/{id}`, ({ path }) => find(data.runs, 'id', path.id, 'run'));
route('GET', `${inProject}/runs/{id}/metrics/{key}`, ({ path }) =>
  data.seriesOf(find(data.runs, 'id', path.id, 'run'), path.key),
);
route('GET', `${inProject}/runs/{id}/artifacts`, ({ url }) => ({
  items: data.artifactsIn(url.searchParams.get('path') ?? ''),
  next_page_token: null,
}));
route('GET', `${inProject}/runs/{id}/artifacts/content`, ({ url, request, response }) => {
  const path = url.searchParams.get('path') ?? '';
  const bytes = data.artifactContent(path);
  if (bytes === undefined) throw new Refusal('not_found', `no artifact "${path}"`);
  response.setHeader('Content-Type', types[extname(path)] ?? 'application/octet-stream');
  response.setHeader('Content-Security-Policy', 'sandbox');
  return sendRange(bytes, request, response);
});

route('GET', `${inProject}/models`, ({ url }) => page(data.models, url));
route('GET', `${inProject}/models/{model}`, ({ path }) =>
  find(data.models, 'name', path.model, 'model'),
);
route('DELETE', `${inProject}/models/{model}`, ({ path }) => {
  data.models = data.models.filter((model) => model.name !== path.model);
  return {};
});
route('GET', `${inProject}/models/{model}/versions`, ({ path, url }) =>
  page(
    data.versions.filter((version) => version.model === path.model),
    url,
  ),
);
route('PUT', `${inProject}/models/{model}/aliases/{alias}`, ({ path, body }) => {
  removeAlias(path.model, path.alias);
  const version = data.versions.find(
    (one) => one.model === path.model && one.version === body.version,
  );
  version.aliases.push(path.alias);
  find(data.models, 'name', path.model, 'model').aliases[path.alias] = body.version;
  return {};
});
route('DELETE', `${inProject}/models/{model}/aliases/{alias}`, ({ path }) => {
  removeAlias(path.model, path.alias);
  return {};
});
function removeAlias(model, alias) {
  delete find(data.models, 'name', model, 'model').aliases[alias];
  for (const version of data.versions.filter((one) => one.model === model)) {
    version.aliases = version.aliases.filter((one) => one !== alias);
  }
}

route('GET', `${inProject}/endpoints`, ({ url }) => page(data.endpoints, url));
route('GET', `${inProject}/endpoints/{name}`, ({ path }) =>
  find(data.endpoints, 'name', path.name, 'endpoint'),
);
route('POST', `${inProject}/endpoints`, ({ path, body }) => {
  const [model, version] = body.model.split('/');
  const endpoint = data.makeEndpoint(path.project, body.name, model, Number(version), 'starting');
  data.endpoints = data.endpoints.filter((one) => one.name !== body.name);
  data.endpoints.unshift(endpoint);
  setTimeout(() => {
    endpoint.state = 'ready';
    endpoint.reason = '';
    endpoint.variants[0].replicas_ready = 1;
  }, 4000);
  return endpoint;
});
route('DELETE', `${inProject}/endpoints/{name}`, ({ path }) => {
  data.endpoints = data.endpoints.filter((one) => one.name !== path.name);
  return {};
});
route('POST', '/p/{project}/endpoints/{name}/invocations', ({ path, body }) => {
  const endpoint = find(data.endpoints, 'name', path.name, 'endpoint');
  endpoint.requests_total += 1;
  const rows =
    body.inputs ?? body.instances ?? body.dataframe_split?.data ?? body.dataframe_records;
  if (!Array.isArray(rows)) {
    endpoint.errors_total += 1;
    throw new Refusal(
      'invalid_argument',
      'expected one of "inputs", "instances", "dataframe_split", "dataframe_records"',
    );
  }
  return { predictions: rows.map((_, index) => [0.93, 0.05, 0.02].map((p) => p / (index + 1))) };
});

route('GET', `${inProject}/environments`, ({ url }) => page(data.environments, url));
route('GET', `${inProject}/environments/{name}`, ({ path }) => {
  const found = data.environments.find((one) => one.name === path.name || one.id === path.name);
  if (found === undefined) throw new Refusal('not_found', `no environment "${path.name}"`);
  return found;
});
route('POST', `${inProject}/environments`, ({ body }) => {
  const environment = data.makeEnvironment(body.name ?? null, body.requirements, 'building');
  data.environments.unshift(environment);
  return environment;
});
route('DELETE', `${inProject}/environments/{name}`, ({ path }) => {
  data.environments = data.environments.filter((one) => one.name !== path.name);
  return {};
});

function sendRange(bytes, request, response) {
  const range = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? '');
  if (range === null) {
    response.end(bytes);
    return undefined;
  }
  if (bytes.length === 0) {
    response.writeHead(416, { 'Content-Range': 'bytes */0' }).end();
    return undefined;
  }
  const [, from, to] = range;
  const start = from === '' ? Math.max(0, bytes.length - Number(to)) : Number(from);
  const end = from === '' || to === '' ? bytes.length - 1 : Math.min(Number(to), bytes.length - 1);
  response.writeHead(206, { 'Content-Range': `bytes ${start}-${end}/${bytes.length}` });
  response.end(bytes.subarray(start, end + 1));
  return undefined;
}

function startStream(response) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  response.write(': hello\n\n');
}

function followLog(job, bytes, offset, { request, response }) {
  startStream(response);
  let at = Math.min(offset, bytes.length);
  const send = (text) => {
    at += Buffer.byteLength(text);
    response.write(`id: ${at}\nevent: log\ndata: ${JSON.stringify({ text, offset: at })}\n\n`);
  };
  if (at < bytes.length) send(bytes.subarray(at).toString());
  const end = () => {
    response.end(
      `event: end\ndata: ${JSON.stringify({ state: job.state, exit_code: job.exit_code })}\n\n`,
    );
  };
  if (!isActive(job)) {
    end();
    return;
  }
  let step = 200;
  const timer = setInterval(() => {
    if (!isActive(job)) {
      clearInterval(timer);
      end();
      return;
    }
    if (job.state === 'running') {
      step += 1;
      send(
        `step ${step} \u001b[36mloss\u001b[0m=${(1.7 / Math.sqrt(step)).toFixed(4)} lr=0.0003\n`,
      );
    }
  }, 400);
  request.on('close', () => clearInterval(timer));
}

function serveFile(url, response) {
  const wanted = normalize(join(dist, decodeURIComponent(url.pathname)));
  const isFile = wanted.startsWith(dist) && existsSync(wanted) && statSync(wanted).isFile();
  const file = isFile ? wanted : join(dist, 'index.html');
  response.writeHead(200, {
    'Content-Type': types[extname(file)] ?? 'application/octet-stream',
    'Content-Security-Policy': "default-src 'self'; style-src 'self' 'unsafe-inline'",
    'Cache-Control':
      isFile && url.pathname.startsWith('/assets/') ? 'max-age=31536000, immutable' : 'no-cache',
  });
  createReadStream(file).pipe(response);
}

async function readBody(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  const text = Buffer.concat(pieces).toString();
  return text === '' ? {} : JSON.parse(text);
}

async function answer(request, response) {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const isApi =
    url.pathname.startsWith('/api/') || /^\/p\/[^/]+\/(endpoints|v2)\//.test(url.pathname);
  if (!isApi) {
    serveFile(url, response);
    return;
  }
  const signedIn = /maru_session=mock/.test(request.headers.cookie ?? '');
  const isSignIn = url.pathname.startsWith('/api/v1/session') && !url.pathname.endsWith('password');
  if (!signedIn && !isSignIn) throw new Refusal('unauthenticated', 'no session');
  const needsCsrf = request.method !== 'GET' && !isSignIn;
  if (needsCsrf && request.headers['x-csrf-token'] !== csrfToken) {
    throw new Refusal('permission_denied', 'the X-CSRF-Token header is missing or wrong');
  }
  for (const { method, pattern, handle } of routes) {
    const match = pattern.exec(url.pathname);
    if (match === null || method !== request.method) continue;
    const path = Object.fromEntries(
      Object.entries(match.groups ?? {}).map(([key, value]) => [key, decodeURIComponent(value)]),
    );
    const body = request.method === 'GET' ? {} : await readBody(request);
    const result = handle({ url, path, body, request, response, signedIn });
    if (result === undefined) return;
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify(result));
    return;
  }
  throw new Refusal('not_found', `no operation ${request.method} ${url.pathname}`);
}

createServer((request, response) => {
  answer(request, response).catch((error) => {
    const code = error instanceof Refusal ? error.code : 'internal';
    if (code === 'internal') console.error(error);
    response.writeHead(statusOf[code] ?? 500, { 'Content-Type': 'application/json' });
    response.end(
      JSON.stringify({
        error: {
          code,
          message: error.message,
          details: error.details ?? [],
          request_id: '019ab0c1d2e3f4a5b6c7d8e9f0a1b2c3',
        },
      }),
    );
  });
}).listen(port, '127.0.0.1', () => console.log(`mock is ready at http://127.0.0.1:${port}`));

// Jobs come and go, so that live lists have something to show.
setInterval(() => {
  const job = data.jobs.find((one) => one.state === 'starting');
  if (job !== undefined) setState(job, 'running', '', { started_at: new Date().toISOString() });
}, 5000);
