import { useTranslation } from 'react-i18next';
import type {
  DeliveryState,
  EndpointState,
  EnvironmentState,
  JobState,
  ModelVersionState,
  RunStatus,
} from '../api/types';
import type { SpanStatus, TraceState } from '../features/traces/types';

export type AnyState =
  | JobState
  | DeliveryState
  | EndpointState
  | EnvironmentState
  | RunStatus
  | ModelVersionState
  | TraceState
  | SpanStatus;

type Tone = 'waiting' | 'starting' | 'running' | 'good' | 'bad' | 'still' | 'back';

const tones: Record<AnyState, Tone> = {
  queued: 'waiting',
  waiting: 'waiting',
  delivered: 'good',
  starting: 'starting',
  running: 'running',
  succeeded: 'good',
  failed: 'bad',
  stopped: 'still',
  preempted: 'back',
  ready: 'good',
  building: 'running',
  RUNNING: 'running',
  SCHEDULED: 'waiting',
  FINISHED: 'good',
  FAILED: 'bad',
  KILLED: 'still',
  READY: 'good',
  PENDING_REGISTRATION: 'waiting',
  FAILED_REGISTRATION: 'bad',
  OK: 'good',
  ERROR: 'bad',
  IN_PROGRESS: 'running',
  STATE_UNSPECIFIED: 'still',
  UNSET: 'still',
};

// Each tone has a shape of its own, so that no state is told by colour alone.
function Shape({ tone }: { tone: Tone }) {
  return (
    <svg className="state-shape" width="14" height="14" viewBox="0 0 14 14" aria-hidden="true">
      {tone === 'waiting' && <circle cx="7" cy="7" r="4.75" className="line dashed" />}
      {tone === 'starting' && (
        <>
          <circle cx="7" cy="7" r="4.75" className="line" />
          <path d="M7 2.25a4.75 4.75 0 0 1 0 9.5z" className="solid" />
        </>
      )}
      {tone === 'running' && (
        <>
          <circle cx="7" cy="7" r="5.25" className="line halo" />
          <circle cx="7" cy="7" r="2.75" className="solid" />
        </>
      )}
      {tone === 'good' && (
        <>
          <circle cx="7" cy="7" r="5.5" className="solid" />
          <path d="m4.6 7.2 1.7 1.7 3.2-3.5" className="line inverse" />
        </>
      )}
      {tone === 'bad' && (
        <>
          <path d="M4.4 1.5h5.2l2.9 2.9v5.2l-2.9 2.9H4.4L1.5 9.6V4.4z" className="solid" />
          <path d="m5.1 5.1 3.8 3.8m0-3.8-3.8 3.8" className="line inverse" />
        </>
      )}
      {tone === 'still' && <rect x="2.5" y="2.5" width="9" height="9" rx="1.5" className="solid" />}
      {tone === 'back' && <path d="M10.5 4.5a4 4 0 1 0 .7 3.5M11 2v3H8" className="line" />}
    </svg>
  );
}

export function StateBadge({ state, iconOnly = false }: { state: AnyState; iconOnly?: boolean }) {
  const { t } = useTranslation();
  const tone = tones[state];
  const word = t(`state.${state}`);
  return (
    <span className={`state ${tone}`} title={iconOnly ? word : undefined}>
      <Shape tone={tone} />
      <span className={iconOnly ? 'visually-hidden' : undefined}>{word}</span>
    </span>
  );
}
