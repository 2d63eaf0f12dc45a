export type ErrorCode =
  | 'invalid_argument'
  | 'unauthenticated'
  | 'permission_denied'
  | 'not_found'
  | 'already_exists'
  | 'failed_precondition'
  | 'aborted'
  | 'resource_exhausted'
  | 'unimplemented'
  | 'internal'
  | 'unavailable'
  | 'deadline_exceeded'
  | 'unknown';

export interface ErrorDetail {
  field: string;
  message: string;
}

const codeByStatus: Record<number, ErrorCode> = {
  400: 'invalid_argument',
  401: 'unauthenticated',
  403: 'permission_denied',
  404: 'not_found',
  409: 'aborted',
  429: 'resource_exhausted',
  500: 'internal',
  501: 'unimplemented',
  502: 'unavailable',
  503: 'unavailable',
  504: 'deadline_exceeded',
};

const knownCodes = new Set<string>([
  ...Object.values(codeByStatus),
  'already_exists',
  'failed_precondition',
]);

/** What the server refused, or that it could not be reached (`status` 0). */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly status: number,
    readonly details: ErrorDetail[] = [],
    readonly requestId: string | null = null,
  ) {
    super(message);
  }

  /** What the server said about one field of the request, for showing beside that field. */
  detailFor(field: string): string | undefined {
    return this.details.find((detail) => detail.field === field)?.message;
  }

  get unreachable(): boolean {
    return this.status === 0;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** Reads our error envelope; also MLflow's (`error_code`, `message`) and anything a proxy on the way may answer. */
export function errorFromBody(status: number, body: string): ApiError {
  const fallback = codeByStatus[status] ?? 'unknown';
  let parsed: unknown = null;
  try {
    parsed = JSON.parse(body);
  } catch {
    // Not JSON: the body is shown as it is, below.
  }
  if (isRecord(parsed)) {
    const error = isRecord(parsed['error']) ? parsed['error'] : parsed;
    const code = text(error['code']);
    const details = Array.isArray(error['details'])
      ? error['details'].filter(isRecord).map((detail) => ({
          field: text(detail['field']) ?? '',
          message: text(detail['message']) ?? '',
        }))
      : [];
    return new ApiError(
      code !== null && knownCodes.has(code) ? (code as ErrorCode) : fallback,
      text(error['message']) ?? text(parsed['error']) ?? `HTTP ${status}`,
      status,
      details,
      text(error['request_id']),
    );
  }
  const plain = body.trim();
  const isPage = plain.startsWith('<');
  return new ApiError(
    fallback,
    plain === '' || isPage ? `HTTP ${status}` : plain.slice(0, 400),
    status,
  );
}
