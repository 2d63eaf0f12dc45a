// The server's resources as they are on the wire. `npm run generate` derives the same shapes from
// openapi.json; a shape that differs there is a defect here.

export type Timestamp = string;
/** A guest is no member: he sees the experiments and models that he was given permissions on. */
export type Role = 'owner' | 'developer' | 'viewer' | 'guest';

export interface Page<Item> {
  items: Item[];
  next_page_token: string | null;
}

export interface User {
  id: string;
  name: string;
  display_name: string;
  admin: boolean;
  disabled: boolean;
  has_password: boolean;
  created_at: Timestamp;
}

export interface ProjectMembership {
  name: string;
  role: Role;
}

export interface Session {
  user: User;
  csrf_token: string;
  auth: 'local' | 'none';
  projects: ProjectMembership[];
}

export type TokenScope = 'read' | 'write';

export interface Token {
  id: string;
  name: string;
  scopes: TokenScope[];
  project: string | null;
  created_at: Timestamp;
  expires_at: Timestamp | null;
  last_used_at: Timestamp | null;
}

export interface CreatedToken extends Token {
  secret: string;
}

export interface Project {
  id: string;
  name: string;
  description: string;
  created_at: Timestamp;
  role: Role;
}

export interface Member {
  user: string;
  role: Role;
}

export type ResourceKind = 'experiment' | 'registered_model';

export const resourcePermissions = ['READ', 'USE', 'EDIT', 'MANAGE', 'DENY'] as const;
export type ResourcePermission = (typeof resourcePermissions)[number];

/** On one experiment or registered model, or ("*") on all; given to a user or to a named role. */
export interface ResourcePermissionEntry {
  user: string | null;
  role: string | null;
  kind: ResourceKind;
  resource: string;
  name: string;
  permission: ResourcePermission;
}

export interface WebhookDelivery {
  id: string;
  event: string;
  state: DeliveryState;
  attempts: number;
  created_at: Timestamp;
  attempted_at: Timestamp | null;
  next_attempt_at: Timestamp | null;
  response_status: number | null;
  duration_ms: number | null;
  error: string | null;
}

export type DeliveryState = 'waiting' | 'delivered' | 'failed';

export interface Webhook {
  id: string;
  name: string;
  description: string;
  url: string;
  events: string[];
  state: 'active' | 'disabled';
  has_secret: boolean;
  user: string;
  created_at: Timestamp;
  updated_at: Timestamp;
  waiting: number;
  last_delivery: WebhookDelivery | null;
}

export interface WebhookTestResult {
  success: boolean;
  response_status: number | null;
  response_body: string | null;
  error: string | null;
}

export interface AuditEntry {
  id: string;
  at: Timestamp;
  user: string;
  operation: string;
  project: string | null;
  resource: string;
  outcome: string;
  remote_address: string;
}

export const jobStates = [
  'queued',
  'starting',
  'running',
  'succeeded',
  'failed',
  'stopped',
  'preempted',
] as const;
export type JobState = (typeof jobStates)[number];

export interface Resources {
  cpu_milli: number;
  memory_mib: number;
  gpus: number;
}

export interface Replica {
  index: number;
  node: string | null;
  state: JobState;
  exit_code: number | null;
}

export type JobKind = 'job' | 'environment_build' | 'endpoint_replica';

export interface Job {
  id: string;
  name: string;
  project: string;
  kind: JobKind;
  state: JobState;
  reason: string;
  exit_code: number | null;
  command: string[];
  environment: string | null;
  code: string | null;
  resources: Resources;
  replica_count: number;
  retries: number;
  attempt: number;
  time_limit_s: number | null;
  stop_grace_s: number;
  variables: Record<string, string>;
  parameters: Record<string, string>;
  experiment: string | null;
  run_id: string | null;
  user: string;
  queued_at: Timestamp;
  started_at: Timestamp | null;
  finished_at: Timestamp | null;
  replicas: Replica[];
  usage: { cpu_s: number; memory_peak_bytes: number; gpu_s: number };
}

export interface NewJob {
  name?: string;
  command: string[];
  environment?: string;
  resources?: Resources;
  retries?: number;
  time_limit_s?: number;
  variables?: Record<string, string>;
  parameters?: Record<string, string>;
  experiment?: string;
}

export interface WorkloadEvent {
  number: number;
  at: Timestamp;
  workload_id: string;
  name: string;
  kind: JobKind;
  state: JobState;
  previous_state: JobState | null;
  reason: string;
  attempt: number;
}

export interface UsageSample {
  at: Timestamp;
  cpu_milli: number;
  memory_bytes: number;
}

export interface Why {
  reason: string;
  position: number | null;
  estimated_start_at: Timestamp | null;
}

export interface NodeStatus {
  name: string;
  cpu_milli: number;
  cpu_free_milli: number;
  memory_mib: number;
  memory_free_mib: number;
  gpus: number;
  gpus_free: number;
}

export interface Status {
  version: string;
  nodes: NodeStatus[];
  jobs_running: number;
  jobs_queued: number;
}

export type EnvironmentState = 'building' | 'ready' | 'failed';

export interface Environment {
  id: string;
  name: string | null;
  /** Of its name; 0 without one. */
  version: number;
  requirements: string;
  python: string;
  state: EnvironmentState;
  error: string | null;
  lock: string | null;
  size_bytes: number;
  build_job_id: string;
  created_at: Timestamp;
}

export interface Experiment {
  id: string;
  name: string;
  artifact_location: string;
  created_at: Timestamp;
  updated_at: Timestamp;
  run_count: number;
  tags: Record<string, string>;
}

/** JSON has no NaN or infinities: the server sends those as strings. */
export type MetricNumber = number | 'NaN' | 'Infinity' | '-Infinity';

export interface LatestMetric {
  value: MetricNumber;
  step: number;
  at: Timestamp;
}

export type RunStatus = 'RUNNING' | 'SCHEDULED' | 'FINISHED' | 'FAILED' | 'KILLED';

export interface Run {
  id: string;
  name: string;
  experiment_id: string;
  experiment_name: string;
  status: RunStatus;
  user: string;
  started_at: Timestamp;
  ended_at: Timestamp | null;
  job_id: string | null;
  metrics: Record<string, LatestMetric>;
  parameters: Record<string, string>;
  tags: Record<string, string>;
}

export interface MetricPoint {
  step: number;
  at: Timestamp;
  value: MetricNumber;
}

export interface MetricSeries {
  key: string;
  points: MetricPoint[];
  total: number;
}

/** A run as a row of a table: only the columns that were asked for. */
export interface RunRow {
  id: string;
  name: string;
  status: RunStatus;
  user: string;
  started_at: Timestamp;
  ended_at: Timestamp | null;
  job_id: string | null;
  child_count: number;
  metrics: Record<string, MetricNumber>;
  parameters: Record<string, string>;
  tags: Record<string, string>;
}

export interface RunRows extends Page<RunRow> {
  total: number;
}

export interface RunColumns {
  metrics: string[];
  parameters: string[];
  tags: string[];
  complete: boolean;
}

export interface ColumnValue {
  value: string;
  count: number;
}

export interface MetricSummary {
  count: number;
  mean: number;
  least: number;
  greatest: number;
  least_run: string;
  greatest_run: string;
}

export interface RunGroup {
  values: (string | null)[];
  count: number;
  metrics: Record<string, MetricSummary>;
}

export interface RunGroups {
  items: RunGroup[];
  total: number;
  run_count: number;
}

export interface RunView {
  name: string;
  user: string;
  state: string;
  created_at: Timestamp;
  updated_at: Timestamp;
}

/** A thinned history in columns. */
export interface MetricCurve {
  run: string;
  key: string;
  steps: number[];
  times_ms: number[];
  values: MetricNumber[];
  total: number;
}

export interface DatasetInput {
  name: string;
  digest: string;
  source_type: string;
  source: string;
  schema: string;
  profile: string;
  tags: Record<string, string>;
}

export interface LoggedModel {
  id: string;
  experiment_id: string;
  name: string;
  model_type: string;
  artifact_uri: string;
  source_run_id: string | null;
  status: string;
  created_at: Timestamp;
  updated_at: Timestamp;
  parameters: Record<string, string>;
  tags: Record<string, string>;
  metrics: { key: string; run_id: string; dataset_name: string; point: MetricPoint }[];
}

export interface Artifact {
  path: string;
  is_directory: boolean;
  size_bytes: number;
}

export interface Model {
  name: string;
  description: string;
  latest_version: number | null;
  aliases: Record<string, number>;
  tags: Record<string, string>;
  created_at: Timestamp;
  updated_at: Timestamp;
}

export type ModelVersionState = 'READY' | 'PENDING_REGISTRATION' | 'FAILED_REGISTRATION';

export interface ModelVersion {
  model: string;
  version: number;
  state: ModelVersionState;
  source: string;
  run_id: string | null;
  description: string;
  aliases: string[];
  tags: Record<string, string>;
  flavors: string[];
  size_bytes: number | null;
  created_at: Timestamp;
  updated_at: Timestamp;
  user: string;
  /** MLflow's: None, Staging, Production, Archived. */
  stage: string;
  /** Of its logged model; empty where it was made of plain files. */
  model_id: string;
}

export type EndpointState = 'starting' | 'ready' | 'failed';

export interface EndpointVariant {
  model: string;
  version: number;
  weight: number;
  replicas: number;
  replicas_ready: number;
  workload_ids: string[];
}

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

export interface Endpoint {
  id: string;
  name: string;
  project: string;
  state: EndpointState;
  reason: string;
  url: string;
  variants: EndpointVariant[];
  input_example: Json;
  signature: { inputs?: Json; outputs?: Json } | null;
  requests_total: number;
  errors_total: number;
  /** Zeros until the first request. */
  latency_ms: { p50: number; p90: number; p99: number };
  created_at: Timestamp;
}

export interface NewEndpoint {
  name: string;
  model: string;
  resources?: Resources;
  replicas?: number;
}

export interface Card {
  text: string;
  revision: number;
}

export type ChangeKind =
  | 'created'
  | 'deleted'
  | 'renamed'
  | 'description'
  | 'card'
  | 'tag'
  | 'alias'
  | 'stage'
  | 'approval_rule'
  | 'approval_requested'
  | 'approved'
  | 'rejected'
  | 'withdrawn'
  | 'expired';

export interface Change {
  number: number;
  model: string;
  version: number | null;
  at: Timestamp;
  user: string;
  kind: ChangeKind;
  key: string;
  from: string | null;
  to: string | null;
  comment: string;
  shortened: boolean;
}

export interface ApprovalRule {
  model: string | null;
  aliases: string[];
  stages: string[];
  approvals: number;
  role: Role;
  expires_after_s: number;
  user: string;
  updated_at: Timestamp;
}

export interface Review {
  user: string;
  approved: boolean;
  comment: string;
  at: Timestamp;
}

export interface ApprovalRequest {
  id: string;
  model: string;
  version: number;
  kind: 'alias' | 'alias_removal' | 'stage';
  target: string;
  from: string | null;
  archive_existing: boolean;
  state: 'open' | 'approved' | 'rejected' | 'withdrawn' | 'expired';
  user: string;
  comment: string;
  approvals_needed: number;
  role: Role;
  reviews: Review[];
  created_at: Timestamp;
  expires_at: Timestamp;
  ended_at: Timestamp | null;
  /** The caller. */
  may_approve: boolean;
  may_withdraw: boolean;
}

export interface VersionFile {
  path: string;
  size_bytes: number;
}

export interface VersionContents {
  flavors: Record<string, Json>;
  signature: { inputs?: Json; outputs?: Json; params?: Json } | null;
  input_example: Json;
  input_example_path: string | null;
  requirements: string | null;
  mlflow_version: string | null;
  model_uuid: string | null;
  files: VersionFile[];
  files_shortened: boolean;
  problem: string;
}

export type LineageKind =
  | 'dataset'
  | 'environment'
  | 'code'
  | 'job'
  | 'run'
  | 'logged_model'
  | 'model_version'
  | 'endpoint';

export interface LineageNode {
  id: string;
  kind: LineageKind;
  ref: string;
  name: string;
  detail: string;
  state: string;
  missing: boolean;
}

export interface LineageEdge {
  from: string;
  to: string;
}

export interface Lineage {
  start: string;
  nodes: LineageNode[];
  edges: LineageEdge[];
  shortened: boolean;
}

export interface TextDifference {
  key: string;
  left: string | null;
  right: string | null;
}

export interface MetricDifference {
  key: string;
  left: MetricNumber | null;
  right: MetricNumber | null;
  difference: MetricNumber | null;
  /** Every value of every step. */
  identical: boolean;
  points: number;
  points_differing: number;
  largest_difference: MetricNumber;
}

export interface OutputDifference {
  path: string;
  left_bytes: number | null;
  right_bytes: number | null;
  identical: boolean;
}

export interface RunComparison {
  left: string;
  right: string;
  /** All metrics and outputs. */
  identical: boolean;
  origin: TextDifference[];
  parameters: TextDifference[];
  metrics: MetricDifference[];
  outputs: OutputDifference[];
}

export interface CodeSnapshot {
  id: string;
  file_count: number;
  size_bytes: number;
  created_at: Timestamp;
}

export interface CodeFile {
  path: string;
  sha256: string;
  size_bytes: number;
  executable: boolean;
}

export interface Retention {
  keep_deleted_s: number;
  /** A project's: the server's holds. */
  inherited: boolean;
}

export interface Collection {
  dry_run: boolean;
  started_at: Timestamp;
  duration_ms: number;
  removed: {
    runs: number;
    experiments: number;
    logged_models: number;
    projects: number;
    code_snapshots: number;
    code_files: number;
  };
  files_removed: number;
  bytes_freed: number;
  files_kept: number;
  bytes_kept: number;
}

export interface CollectionStatus {
  last: Collection | null;
  running: boolean;
  retention: Retention;
}
