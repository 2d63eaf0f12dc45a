// Believable things for the mock server: one seed, the same data at every start.
import { deflateSync } from 'node:zlib';

let seed = 7;
function random() {
  seed = (seed * 1664525 + 1013904223) % 4294967296;
  return seed / 4294967296;
}
const pick = (items) => items[Math.floor(random() * items.length)];
const start = Date.now();
const ago = (minutes) => new Date(start - minutes * 60_000).toISOString();
let idCount = 0;
function makeId() {
  idCount += 1;
  const time = (start - 86_400_000 + idCount * 1000).toString(16).padStart(12, '0');
  const rest = Array.from({ length: 20 }, () => Math.floor(random() * 16).toString(16)).join('');
  return time + rest;
}

const users = ['admin', 'jiwoo', 'minseo', 'haneul'];

function gaussian() {
  return Math.sqrt(-2 * Math.log(random() + 1e-9)) * Math.cos(2 * Math.PI * random());
}

export function createData(isEmpty) {
  const data = {
    users: [],
    tokens: [],
    projects: [],
    members: [
      { user: 'admin', role: 'owner' },
      { user: 'jiwoo', role: 'developer' },
      { user: 'haneul', role: 'viewer' },
    ],
    audit: [],
    nodes: [
      {
        name: 'gpu-node-1',
        cpu_milli: 64_000,
        cpu_free_milli: 21_500,
        memory_mib: 524_288,
        memory_free_mib: 190_000,
        gpus: 4,
        gpus_free: 0,
      },
      {
        name: 'cpu-node-1',
        cpu_milli: 32_000,
        cpu_free_milli: 30_000,
        memory_mib: 131_072,
        memory_free_mib: 120_500,
        gpus: 0,
        gpus_free: 0,
      },
    ],
    jobs: [],
    events: [],
    experiments: [],
    runs: [],
    models: [],
    versions: [],
    endpoints: [],
    environments: [],
    makeUser: (name, displayName, admin = false) => ({
      id: makeId(),
      name,
      display_name: displayName,
      admin,
      disabled: false,
      has_password: true,
      created_at: ago(60 * 24 * 20),
    }),
    makeToken: (name, scopes, project, lifetime) => ({
      id: makeId(),
      name,
      scopes,
      project,
      created_at: ago(60 * 24 * 3),
      expires_at: lifetime ? new Date(Date.now() + lifetime * 1000).toISOString() : null,
      last_used_at: null,
    }),
    makeProject: (name, description) => ({
      id: makeId(),
      name,
      description,
      created_at: ago(60 * 24 * 20),
      role: 'owner',
    }),
    makeJob,
    makeEndpoint,
    makeEnvironment,
    eventsOf,
    usageOf,
    seriesOf,
    artifactsIn,
    artifactContent,
  };
  data.users.push(
    data.makeUser('admin', '관리자', true),
    data.makeUser('jiwoo', '김지우'),
    data.makeUser('minseo', 'Minseo Park'),
    { ...data.makeUser('haneul', '이하늘'), disabled: true },
  );
  data.projects.push(
    data.makeProject('default', 'Where things go when nobody says otherwise'),
    data.makeProject('vision', '제품 사진 분류와 결함 검출'),
    data.makeProject('churn-prediction', ''),
  );
  if (isEmpty) return data;
  data.tokens.push(
    { ...data.makeToken('laptop', ['read', 'write'], null, 60 * 86_400), last_used_at: ago(12) },
    data.makeToken('dashboard', ['read'], 'vision', null),
  );
  fillJobs(data);
  fillRuns(data);
  fillModels(data);
  fillAudit(data);
  return data;
}

function makeJob(given) {
  const isOver = ['succeeded', 'failed', 'stopped'].includes(given.state);
  const queued = given.queuedMinutes ?? 30;
  const hasStarted = !['queued', 'preempted'].includes(given.state);
  return {
    kind: 'job',
    project: 'default',
    reason: '',
    exit_code: given.state === 'succeeded' ? 0 : null,
    command: ['python', 'train.py', '--epochs', '20'],
    environment: 'torch-cpu',
    code: makeId(),
    resources: { cpu_milli: 2000, memory_mib: 4096, gpus: 0 },
    replica_count: 1,
    retries: 0,
    attempt: 1,
    time_limit_s: null,
    stop_grace_s: 10,
    variables: { PYTHONUNBUFFERED: '1', OMP_NUM_THREADS: '2' },
    parameters: { learning_rate: '0.0003', epochs: '20', batch_size: '64' },
    experiment: null,
    run_id: null,
    user: 'admin',
    queued_at: ago(queued),
    started_at: hasStarted ? ago(queued - 0.05) : null,
    finished_at: isOver ? ago(queued - 0.05 - (given.minutes ?? 6)) : null,
    usage: hasStarted
      ? { cpu_s: 341.2, memory_peak_bytes: 1_820_000_000, gpu_s: 0 }
      : { cpu_s: 0, memory_peak_bytes: 0, gpu_s: 0 },
    ...given,
    id: makeId(),
    replicas: hasStarted
      ? Array.from({ length: given.replica_count ?? 1 }, (_, index) => ({
          index,
          node: (given.resources?.gpus ?? 0) > 0 ? 'gpu-node-1' : 'cpu-node-1',
          state: given.state,
          exit_code: given.exit_code ?? null,
        }))
      : [],
  };
}

function fillJobs(data) {
  const named = [
    {
      name: 'resnet50-imagenet-subset-augmented-mixup-cosine',
      state: 'running',
      user: 'jiwoo',
      queuedMinutes: 96,
      resources: { cpu_milli: 8000, memory_mib: 65_536, gpus: 2 },
      experiment: 'resnet-sweep',
      replica_count: 2,
      command: [
        'torchrun',
        '--nproc-per-node=2',
        'train.py',
        '--augment',
        'mixup',
        '--note',
        'second try',
      ],
    },
    { name: 'iris-training', state: 'running', queuedMinutes: 3, experiment: 'iris' },
    {
      name: 'llm-finetune-ko',
      state: 'queued',
      user: 'minseo',
      queuedMinutes: 22,
      reason: 'needs 4 GPUs; gpu-node-1 has 0 of 4 free, held by resnet50-imagenet… (2) and others',
      resources: { cpu_milli: 16_000, memory_mib: 131_072, gpus: 4 },
    },
    {
      name: 'nightly-evaluation',
      state: 'queued',
      user: 'haneul',
      queuedMinutes: 9,
      reason: 'behind llm-finetune-ko in the queue',
      resources: { cpu_milli: 4000, memory_mib: 16_384, gpus: 1 },
    },
    { name: 'feature-build', state: 'starting', queuedMinutes: 0.2 },
    {
      name: 'churn-xgboost',
      state: 'failed',
      exit_code: 1,
      reason: 'ValueError: could not convert string to float: "미정" (column 7)',
      queuedMinutes: 40,
      minutes: 0.4,
      user: 'jiwoo',
    },
    {
      name: 'segmentation-unet',
      state: 'failed',
      exit_code: 137,
      reason: 'killed: memory limit of 8 GiB exceeded',
      queuedMinutes: 180,
      minutes: 41,
      retries: 2,
      attempt: 3,
    },
    {
      name: 'tokenizer-build',
      state: 'stopped',
      reason: 'stopped by minseo',
      queuedMinutes: 400,
      user: 'minseo',
    },
    {
      name: 'embedding-batch',
      state: 'preempted',
      reason: 'gave its GPU to resnet50-imagenet…; starts again when one is free',
      queuedMinutes: 70,
      user: 'haneul',
    },
    { name: 'long-log', state: 'succeeded', queuedMinutes: 500, minutes: 60 },
  ];
  for (const job of named) data.jobs.push(makeJob(job));
  for (let index = 0; index < 640; index++) {
    const state = pick(['succeeded', 'succeeded', 'succeeded', 'succeeded', 'failed', 'stopped']);
    data.jobs.push(
      makeJob({
        name: `${pick(['iris', 'churn', 'mnist', 'resnet', 'bert-ner', 'forecast'])}-${pick(['train', 'evaluate', 'sweep', 'export'])}-${index}`,
        state,
        user: pick(users),
        exit_code: state === 'failed' ? 1 : state === 'succeeded' ? 0 : null,
        reason:
          state === 'failed'
            ? 'RuntimeError: shape mismatch'
            : state === 'stopped'
              ? 'stopped by admin'
              : '',
        queuedMinutes: 520 + index * 17,
        minutes: random() * 90,
      }),
    );
  }
}

function eventsOf(job) {
  const events = [['queued', null, job.queued_at, '']];
  if (job.started_at !== null) {
    events.push(['starting', 'queued', job.started_at, 'placed on cpu-node-1']);
    events.push(['running', 'starting', job.started_at, '']);
  }
  if (job.finished_at !== null) events.push([job.state, 'running', job.finished_at, job.reason]);
  else if (job.state === 'queued') events[0][3] = job.reason;
  return events.map(([state, previous, at, reason], index) => ({
    number: 1000 + index,
    at,
    workload_id: job.id,
    state,
    previous_state: previous,
    reason,
    attempt: job.attempt,
  }));
}

function usageOf(job) {
  if (job.started_at === null) return [];
  const from = new Date(job.started_at).getTime();
  const to = job.finished_at === null ? Date.now() : new Date(job.finished_at).getTime();
  const count = Math.min(400, Math.max(2, Math.floor((to - from) / 2000)));
  return Array.from({ length: count }, (_, index) => ({
    at: new Date(from + ((to - from) * index) / (count - 1)).toISOString(),
    cpu_milli: Math.round(
      job.resources.cpu_milli * (0.82 + 0.12 * Math.sin(index / 9) + 0.05 * Math.sin(index * 1.7)),
    ),
    memory_bytes: Math.round(1.8e9 * (1 - Math.exp(-index / 30)) + 2e7 * Math.sin(index)),
  }));
}

export function logText(job) {
  if (job.started_at === null) return '';
  if (job.name === 'long-log') {
    let text = '';
    for (let line = 1; line <= 120_000; line++) {
      text += `2026-11-22T09:${String(Math.floor(line / 2000) % 60).padStart(2, '0')}:00Z INFO worker ${line % 8} processed batch ${line} in ${(line * 7919) % 97} ms\n`;
    }
    return text;
  }
  const lines = [
    '\u001b[1mmaru\u001b[0m attempt 1 on cpu-node-1, environment torch-cpu',
    'Loading data/train.parquet ... 48,210 rows',
    '\u001b[33mWARNING\u001b[0m: column "지역" has 312 missing values, filled with "미상"',
    'Downloading weights:   0%|          |\rDownloading weights:  42%|████      |\rDownloading weights: 100%|██████████| 97.8M/97.8M [00:03<00:00, 31.2MB/s]',
    'Model: 25,557,032 parameters',
  ];
  for (let epoch = 1; epoch <= 40; epoch++) {
    lines.push(
      `epoch ${String(epoch).padStart(2)}/40  \u001b[36mtrain_loss\u001b[0m=${(2.1 / Math.sqrt(epoch)).toFixed(4)}  \u001b[36mval_loss\u001b[0m=${(2.3 / Math.sqrt(epoch)).toFixed(4)}  \u001b[32mval_accuracy\u001b[0m=${(1 - 0.6 / Math.sqrt(epoch)).toFixed(4)}`,
    );
  }
  if (job.state === 'failed') {
    lines.push(
      'Traceback (most recent call last):',
      '  File "train.py", line 88, in <module>',
      '    main()',
      '  File "train.py", line 61, in main',
      '    features = frame.astype(float)',
      `\u001b[31m${job.reason}\u001b[0m`,
    );
  }
  if (job.state === 'succeeded')
    lines.push('\u001b[32mdone\u001b[0m; model saved to outputs/model');
  return `${lines.join('\n')}\n`;
}

function fillRuns(data) {
  const experiments = [
    ['0', 'Default', 3],
    ['1', 'iris', 42],
    ['2', 'resnet-sweep', 18],
    ['3', 'churn/2026-q4', 240],
  ];
  for (const [id, name, count] of experiments) {
    data.experiments.push({
      id,
      name,
      artifact_location: `mlflow-artifacts:/${id}`,
      created_at: ago(60 * 24 * 12),
      updated_at: ago(Number(id) * 37 + 4),
      run_count: count,
      tags: {},
    });
    for (let index = 0; index < count; index++) data.runs.push(makeRun(id, name, index));
  }
  const live = data.runs.find((run) => run.experiment_name === 'resnet-sweep');
  const jobs = data.jobs.filter((job) => job.experiment !== null);
  for (const job of jobs) {
    const run = data.runs.find((one) => one.experiment_name === job.experiment);
    job.run_id = run.id;
    run.job_id = job.id;
  }
  live.status = 'RUNNING';
  live.ended_at = null;
  live.started_at = ago(95);
}

function makeRun(experimentId, experimentName, index) {
  const rate = pick(['0.001', '0.0003', '0.01']);
  const depth = pick(['4', '6', '8', '12']);
  const quality = 0.82 + random() * 0.16;
  const at = ago(index * 41 + 10 - 9 * random());
  const run = {
    id: makeId(),
    name: `${pick(['brave', 'calm', 'quick', 'bright', 'gentle'])}-${pick(['otter', 'heron', 'pine', 'maple', 'crane'])}-${100 + index}`,
    experiment_id: experimentId,
    experiment_name: experimentName,
    status: random() < 0.08 ? 'FAILED' : 'FINISHED',
    user: pick(users),
    started_at: at,
    ended_at: new Date(new Date(at).getTime() + 60_000 * (1 + random() * 30)).toISOString(),
    job_id: null,
    parameters: {
      learning_rate: rate,
      max_depth: depth,
      optimizer: pick(['adam', 'sgd']),
      model: pick(['tree', 'forest', 'boosting']),
      seed: '42',
    },
    metrics: {},
    tags: {
      'mlflow.source.name': 'train.py',
      'mlflow.user': 'admin',
      team: 'vision',
      ...(index % 4 === 0
        ? {
            'mlflow.note.content': 'mixup을 켠 두 번째 시도. 검증 손실이 30 에폭 뒤에 다시 오른다.',
          }
        : {}),
    },
  };
  const values = {
    accuracy: quality,
    train_loss: 1.2 - quality,
    'val/loss': 1.25 - quality,
    f1_score: quality - 0.02 * random(),
    learning_rate: Number(rate),
    epoch_seconds: 12 + random() * 4,
    best_epoch: Math.floor(random() * 40),
  };
  for (const [key, value] of Object.entries(values)) {
    run.metrics[key] = { value, step: key === 'best_epoch' ? 0 : 199, at: run.ended_at };
  }
  if (index === 5) run.metrics.train_loss.value = 'NaN';
  return run;
}

function seriesOf(run, key) {
  const last = run.metrics[key];
  if (last === undefined) return { key, points: [], total: 0 };
  if (key === 'best_epoch') {
    return { key, points: [{ step: 0, at: last.at, value: last.value }], total: 1 };
  }
  const from = new Date(run.started_at).getTime();
  const count =
    run.status === 'RUNNING' ? Math.min(900, 200 + Math.floor((Date.now() - start) / 2000)) : 200;
  const target = typeof last.value === 'number' ? last.value : 0.3;
  const isLoss = /loss/.test(key);
  const points = Array.from({ length: count }, (_, step) => {
    const progress = 1 - Math.exp(-step / 40);
    const noise = gaussian() * 0.015 * Math.abs(target || 1);
    const value = isLoss
      ? target + (2.2 - target) * (1 - progress) + noise
      : target * (0.3 + 0.7 * progress) + noise;
    return { step, at: new Date(from + step * 4000).toISOString(), value };
  });
  return { key, points, total: key === 'train_loss' ? 48_000 : count };
}

const artifacts = {
  'model/MLmodel':
    'artifact_path: model\nflavors:\n  python_function:\n    loader_module: mlflow.sklearn\n  sklearn:\n    sklearn_version: 1.5.2\nsignature:\n  inputs: \'[{"type": "double", "name": "sepal_length"}]\'\n',
  'model/model.pkl': Buffer.alloc(18_432, 7),
  'model/requirements.txt': 'mlflow\nscikit-learn==1.5.2\n',
  'model/input_example.json': '{"columns":["sepal_length","sepal_width"],"data":[[5.1,3.5]]}',
  'confusion_matrix.png': null,
  'report.html': '<h1>Report</h1><p>Accuracy 0.97</p><script>document.title = "never"</script>',
  'predictions.csv': 'id,label,score\n1,"setosa, wild",0.98\n2,versicolor,0.71\n3,virginica,0.88\n',
  'notes.md': '# 메모\n\n검증 손실이 다시 오르기 전에 멈춘다.\n',
};

function artifactsIn(folder) {
  const prefix = folder === '' ? '' : `${folder}/`;
  const found = new Map();
  for (const path of Object.keys(artifacts)) {
    if (!path.startsWith(prefix)) continue;
    const [name, ...rest] = path.slice(prefix.length).split('/');
    const isDirectory = rest.length > 0;
    found.set(name, {
      path: prefix + name,
      is_directory: isDirectory,
      size_bytes: isDirectory ? 0 : artifactContent(path).length,
    });
  }
  return [...found.values()].sort(
    (left, right) => right.is_directory - left.is_directory || left.path.localeCompare(right.path),
  );
}

function artifactContent(path) {
  if (!(path in artifacts)) return undefined;
  return path.endsWith('.png') ? picture() : Buffer.from(artifacts[path]);
}

/** A small PNG that looks like a confusion matrix. */
function picture() {
  const size = 240;
  const rows = [];
  for (let y = 0; y < size; y++) {
    const row = Buffer.alloc(1 + size * 3);
    for (let x = 0; x < size; x++) {
      const [i, j] = [Math.floor(x / 80), Math.floor(y / 80)];
      const shade = i === j ? 60 + i * 20 : 225 - ((i * 3 + j) % 4) * 8;
      row.set([shade, Math.min(255, shade + 40), Math.min(255, shade + 60)], 1 + x * 3);
    }
    rows.push(row);
  }
  const chunk = (type, body) => {
    const typed = Buffer.concat([Buffer.from(type), body]);
    const out = Buffer.alloc(8 + body.length + 4);
    out.writeUInt32BE(body.length, 0);
    typed.copy(out, 4);
    out.writeUInt32BE(crc(typed), 8 + body.length);
    return out;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.concat(rows))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function crc(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  }
  return (value ^ 0xffffffff) >>> 0;
}

function fillModels(data) {
  const runs = data.runs.filter((run) => run.experiment_name === 'iris');
  const make = (name, description, count, aliases) => {
    data.models.push({
      name,
      description,
      latest_version: count,
      aliases,
      created_at: ago(60 * 24 * 9),
      updated_at: ago(33),
    });
    for (let version = 1; version <= count; version++) {
      data.versions.push({
        model: name,
        version,
        state: version === count && name === 'resnet50' ? 'PENDING_REGISTRATION' : 'READY',
        source: `mlflow-artifacts:/1/${runs[version].id}/artifacts/model`,
        run_id: runs[version].id,
        description: version === count ? '결측값 처리를 바꾼 버전' : '',
        aliases: Object.keys(aliases).filter((alias) => aliases[alias] === version),
        tags: version === 1 ? { validated: 'yes' } : {},
        flavors: ['sklearn', 'python_function', 'onnx'],
        size_bytes: 18_432 * version,
        created_at: ago(60 * 24 * (count - version) + 33),
      });
    }
  };
  make('iris', 'Species of an iris from four measurements', 5, { champion: 4, challenger: 5 });
  make('resnet50', '제품 사진 분류', 2, {});
  make('churn/xgboost model', '', 1, {});
  data.endpoints.push(
    makeEndpoint('default', 'iris', 'iris', 4, 'ready', data.jobs[0].id),
    makeEndpoint('default', 'product-photos', 'resnet50', 1, 'starting', data.jobs[1].id),
    makeEndpoint('default', 'churn', 'churn/xgboost model', 1, 'failed', data.jobs[5].id),
  );
  data.environments.push(
    makeEnvironment('torch-cpu', 'torch==2.5.1\nnumpy\nmlflow-skinny\n', 'ready'),
    makeEnvironment('sklearn', 'scikit-learn>=1.5\npandas\n', 'building', data.jobs[1].id),
    makeEnvironment(null, 'tensorflow\nnumpy<1\n', 'failed', data.jobs[5].id),
  );
}

function makeEndpoint(project, name, model, version, state, workload) {
  const isReady = state === 'ready';
  return {
    id: makeId(),
    name,
    project,
    state,
    reason:
      state === 'starting'
        ? 'loading the model on cpu-node-1'
        : state === 'failed'
          ? 'the replica ended with exit code 1: No module named "xgboost"'
          : '',
    url: `/p/${project}/endpoints/${name}`,
    variants: [
      {
        model,
        version,
        weight: 100,
        replicas: 1,
        replicas_ready: isReady ? 1 : 0,
        workload_ids: workload === undefined ? [] : [workload],
      },
    ],
    input_example: isReady
      ? {
          dataframe_split: {
            columns: ['sepal_length', 'sepal_width', 'petal_length', 'petal_width'],
            data: [
              [5.1, 3.5, 1.4, 0.2],
              [6.2, 2.9, 4.3, 1.3],
            ],
          },
        }
      : null,
    signature: {
      inputs: ['sepal_length', 'sepal_width', 'petal_length', 'petal_width'].map((column) => ({
        name: column,
        type: 'double',
        required: true,
      })),
      outputs: [{ type: 'long' }],
    },
    requests_total: isReady ? 128_402 : 0,
    errors_total: isReady ? 37 : 0,
    latency_ms: isReady ? { p50: 0.62, p90: 1.4, p99: 6.85 } : { p50: 0, p90: 0, p99: 0 },
    created_at: ago(60 * 26),
  };
}

function makeEnvironment(name, requirements, state, job) {
  return {
    id: makeId(),
    name,
    version: name === null ? 0 : 1,
    requirements,
    state,
    error:
      state === 'failed'
        ? 'numpy<1 has no version that tensorflow 2.18 accepts (needs numpy>=1.26)'
        : null,
    lock:
      state === 'ready'
        ? 'mlflow-skinny==2.18.0\nnumpy==2.1.3\ntorch==2.5.1\ntyping-extensions==4.12.2\n'
        : null,
    size_bytes: state === 'ready' ? 913_000_000 : 0,
    python: '3.11',
    build_job_id: job ?? '',
    created_at: ago(60 * 5),
  };
}

function fillAudit(data) {
  const operations = [
    'jobs.create',
    'jobs.stop',
    'models.aliases.set',
    'endpoints.create',
    'tokens.create',
    'session.create',
  ];
  for (let index = 0; index < 260; index++) {
    const operation = pick(operations);
    data.audit.push({
      id: makeId(),
      at: ago(index * 23 + 2),
      user: pick(users),
      operation,
      project: operation.startsWith('session') ? null : 'default',
      resource: operation.startsWith('jobs') ? data.jobs[index % 50].id : 'iris',
      outcome: random() < 0.06 ? 'permission_denied' : 'ok',
      remote_address: '127.0.0.1',
    });
  }
}
