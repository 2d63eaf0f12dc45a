import { send } from './client';
import { ApiError } from './errors';

export interface ServerSentEvent {
  id: string | null;
  event: string;
  data: string;
}

/** Parses a `text/event-stream` that arrives in arbitrary pieces. */
export class ServerSentEventParser {
  private buffer = '';
  private event = '';
  private data: string[] = [];
  private id: string | null = null;

  constructor(private readonly emit: (event: ServerSentEvent) => void) {}

  push(piece: string): void {
    this.buffer += piece;
    let start = 0;
    for (;;) {
      const end = this.endOfLine(start);
      if (end === null) break;
      this.line(this.buffer.slice(start, end.at));
      start = end.next;
    }
    this.buffer = this.buffer.slice(start);
  }

  private endOfLine(from: number): { at: number; next: number } | null {
    for (let index = from; index < this.buffer.length; index++) {
      const character = this.buffer[index];
      if (character === '\n') return { at: index, next: index + 1 };
      if (character === '\r') {
        // The other half of a CRLF may still be on its way.
        if (index + 1 === this.buffer.length) return null;
        return { at: index, next: this.buffer[index + 1] === '\n' ? index + 2 : index + 1 };
      }
    }
    return null;
  }

  private line(line: string): void {
    if (line === '') {
      if (this.data.length > 0) {
        this.emit({ id: this.id, event: this.event || 'message', data: this.data.join('\n') });
      }
      this.event = '';
      this.data = [];
      return;
    }
    if (line.startsWith(':')) return;
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const rest = colon < 0 ? '' : line.slice(colon + 1);
    const value = rest.startsWith(' ') ? rest.slice(1) : rest;
    if (field === 'data') this.data.push(value);
    else if (field === 'event') this.event = value;
    else if (field === 'id' && !value.includes('\0')) this.id = value;
  }
}

export type StreamState = 'connecting' | 'open' | 'waiting' | 'closed';

export interface FollowOptions {
  /** The address to connect to; asked again at every connection, with the id last seen. */
  path: (lastId: string | null) => string;
  onEvent: (event: ServerSentEvent) => void;
  onState?: (state: StreamState, error?: ApiError) => void;
  /** An event after which the stream is complete and is not opened again. */
  endEvent?: string;
}

const retryDelaysMs = [500, 1000, 2000, 5000, 10000];

/**
 * Follows a server-sent stream until told to stop: reconnects with the id last seen, and gives its
 * connection back while the page is hidden, because a browser has only six per server for all tabs together.
 */
export function follow(options: FollowOptions): () => void {
  let lastId: string | null = null;
  let stopped = false;
  let connection: AbortController | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;

  const close = () => {
    stopped = true;
    connection?.abort();
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', onVisibility);
  };

  const onVisibility = () => {
    if (document.hidden) {
      clearTimeout(timer);
      connection?.abort();
      connection = null;
    } else if (connection === null) {
      failures = 0;
      void connect();
    }
  };

  const connect = async () => {
    if (stopped || document.hidden) return;
    const controller = new AbortController();
    connection = controller;
    clearTimeout(timer);
    options.onState?.('connecting');
    let failure: ApiError | undefined;
    try {
      const headers: Record<string, string> = { Accept: 'text/event-stream' };
      if (lastId !== null) headers['Last-Event-ID'] = lastId;
      const response = await send('GET', options.path(lastId), {
        headers,
        signal: controller.signal,
      });
      options.onState?.('open');
      const progress = { ended: false };
      const parser = new ServerSentEventParser((event) => {
        failures = 0;
        if (event.id !== null) lastId = event.id;
        options.onEvent(event);
        if (event.event === options.endEvent) progress.ended = true;
      });
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      while (reader !== undefined && !progress.ended) {
        const { done, value } = await reader.read();
        if (done) break;
        parser.push(value);
      }
      if (progress.ended) {
        controller.abort();
        close();
        options.onState?.('closed');
        return;
      }
    } catch (error) {
      if (controller.signal.aborted) return;
      if (error instanceof ApiError) failure = error;
    }
    if (connection !== controller) return;
    connection = null;
    // A refusal stays one, however often it is asked again.
    if (failure !== undefined && failure.status >= 400 && failure.status < 500) {
      close();
      options.onState?.('closed', failure);
      return;
    }
    const delay = retryDelaysMs[Math.min(failures, retryDelaysMs.length - 1)] ?? 10000;
    failures += 1;
    options.onState?.('waiting', failure);
    timer = setTimeout(() => void connect(), delay);
  };

  document.addEventListener('visibilitychange', onVisibility);
  void connect();
  return close;
}
