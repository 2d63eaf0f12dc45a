import { useEffect, useState, useSyncExternalStore } from 'react';
import { apiPath, send } from '../../api/client';
import { ApiError } from '../../api/errors';
import { follow, type StreamState } from '../../api/sse';
import { LogBuffer } from './log-buffer';

const tailBytes = 2 * 1024 * 1024;

export function logPath(project: string, job: string, replica: number): string {
  return `${apiPath('projects', project, 'jobs', job, 'logs')}?replica=${replica}`;
}

export interface Log {
  buffer: LogBuffer;
  version: number;
  state: 'loading' | StreamState;
  error: ApiError | null;
  /** How many bytes before what is shown have not been read. */
  earlierBytes: number;
  loadEarlier: () => void;
}

interface Piece {
  text: string;
  start: number;
  end: number;
}

async function readRange(path: string, range: string, signal: AbortSignal): Promise<Piece> {
  let response: Response;
  try {
    response = await send('GET', path, {
      headers: { Accept: 'text/plain', Range: `bytes=${range}` },
      signal,
    });
  } catch (error) {
    // An empty log has no range.
    if (error instanceof ApiError && error.status === 416) return { text: '', start: 0, end: 0 };
    throw error;
  }
  const bytes = new Uint8Array(await response.arrayBuffer());
  const found = /bytes (\d+)-\d+\//.exec(response.headers.get('Content-Range') ?? '');
  const start = response.status === 206 && found !== null ? Number(found[1]) : 0;
  const end = start + bytes.length;
  // A range may begin inside a line, even inside a character.
  const cut = start === 0 ? 0 : bytes.indexOf(10) + 1;
  return { text: new TextDecoder().decode(bytes.subarray(cut)), start: start + cut, end };
}

/** Reads the end of a job's log, then follows it. */
export function useLog(project: string, job: string, replica: number): Log {
  const [buffer, setBuffer] = useState(() => new LogBuffer());
  const [state, setState] = useState<Log['state']>('loading');
  const [error, setError] = useState<ApiError | null>(null);
  const [earlierBytes, setEarlierBytes] = useState(0);
  const path = logPath(project, job, replica);

  useEffect(() => {
    const controller = new AbortController();
    let stop: (() => void) | undefined;
    const fresh = new LogBuffer();
    const start = async () => {
      const tail = await readRange(path, `-${tailBytes}`, controller.signal);
      fresh.append(tail.text);
      setEarlierBytes(tail.start);
      setBuffer(fresh);
      setState('connecting');
      stop = follow({
        path: (lastId) => `${path}&follow=true&offset=${lastId ?? tail.end}`,
        endEvent: 'end',
        onState: (next, failure) => {
          setState(next);
          setError(failure ?? null);
        },
        onEvent: (event) => {
          if (event.event === 'log') {
            fresh.append((JSON.parse(event.data) as { text: string }).text);
          }
        },
      });
    };
    start().catch((failure: unknown) => {
      if (controller.signal.aborted) return;
      setState('closed');
      setError(failure instanceof ApiError ? failure : new ApiError('unknown', String(failure), 0));
    });
    return () => {
      controller.abort();
      stop?.();
    };
  }, [path]);

  const version = useSyncExternalStore(buffer.subscribe, buffer.readVersion);

  const loadEarlier = () => {
    const from = Math.max(0, earlierBytes - tailBytes);
    readRange(path, `${from}-${earlierBytes - 1}`, new AbortController().signal).then(
      (piece) => {
        buffer.prepend(piece.text);
        setEarlierBytes(piece.start);
      },
      (failure: unknown) => {
        if (failure instanceof ApiError) setError(failure);
      },
    );
  };

  return { buffer, version, state, error, earlierBytes, loadEarlier };
}
