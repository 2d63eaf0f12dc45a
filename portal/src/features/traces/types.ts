import type { Timestamp } from '../../api/types';

export type TraceState = 'STATE_UNSPECIFIED' | 'OK' | 'ERROR' | 'IN_PROGRESS';
export type SpanStatus = 'UNSET' | 'OK' | 'ERROR';
export type AssessmentKind = 'feedback' | 'expectation' | 'issue';
export type JsonValue =
  null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };

export interface Assessment {
  id: string;
  name: string;
  kind: AssessmentKind;
  value: JsonValue;
  error: { error_code?: string; error_message?: string } | null;
  source_type: 'SOURCE_TYPE_UNSPECIFIED' | 'HUMAN' | 'LLM_JUDGE' | 'CODE';
  source_id: string | null;
  rationale: string | null;
  span_id: string | null;
  overrides: string | null;
  metadata: Record<string, string>;
  valid: boolean;
  created_at: Timestamp;
  updated_at: Timestamp;
}

export interface TokenUsage {
  input: number | null;
  output: number | null;
  total: number | null;
  cache_read: number | null;
  cache_creation: number | null;
}

export interface Trace {
  id: string;
  experiment_id: string;
  state: TraceState;
  name: string | null;
  started_at: Timestamp;
  duration_ms: number | null;
  request_preview: string | null;
  response_preview: string | null;
  client_request_id: string | null;
  tokens: TokenUsage;
  run_ids: string[];
  tags: Record<string, string>;
  metadata: Record<string, string>;
  assessments: Assessment[];
}

export interface SpanEvent {
  name: string;
  offset_us: number;
  attributes: Record<string, JsonValue>;
}

export interface Span {
  id: string;
  parent_id: string | null;
  name: string;
  type: string;
  status: SpanStatus;
  status_message: string;
  offset_us: number;
  duration_us: number | null;
  inputs: JsonValue;
  outputs: JsonValue;
  attributes: Record<string, JsonValue>;
  events: SpanEvent[];
}

export interface TraceDetail {
  trace: Trace;
  spans: Span[];
}
