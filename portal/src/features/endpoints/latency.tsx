import type { Endpoint } from '../../api/types';
import { formatMilliseconds } from '../../i18n/format';

interface LatencyProps {
  endpoint: Endpoint;
  share: keyof Endpoint['latency_ms'];
}

/** Nothing has been measured before the first request. */
export function Latency({ endpoint, share }: LatencyProps) {
  if (endpoint.requests_total === 0) return <span className="muted">–</span>;
  return <span className="numeric nowrap">{formatMilliseconds(endpoint.latency_ms[share])}</span>;
}
