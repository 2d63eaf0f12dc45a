import { describe, expect, it } from 'vitest';
import { ServerSentEventParser, type ServerSentEvent } from './sse';

function parse(pieces: string[]): ServerSentEvent[] {
  const events: ServerSentEvent[] = [];
  const parser = new ServerSentEventParser((event) => events.push(event));
  for (const piece of pieces) parser.push(piece);
  return events;
}

const stream =
  ': hello\n\nid: 12\nevent: log\ndata: {"text":"안녕\\n"}\n\nid: 20\r\nevent: end\r\ndata: a\r\ndata: b\r\n\r\ndata:plain\n\n';
const expected: ServerSentEvent[] = [
  { id: '12', event: 'log', data: '{"text":"안녕\\n"}' },
  { id: '20', event: 'end', data: 'a\nb' },
  { id: '20', event: 'message', data: 'plain' },
];

describe('ServerSentEventParser', () => {
  it('reads events with ids, names, several data lines and any line ending', () => {
    expect(parse([stream])).toEqual(expected);
  });

  it('reads the same whatever pieces it arrives in', () => {
    for (let size = 1; size < 9; size++) {
      const pieces: string[] = [];
      for (let at = 0; at < stream.length; at += size) pieces.push(stream.slice(at, at + size));
      expect(parse(pieces)).toEqual(expected);
    }
  });

  it('says nothing about an event that has not ended', () => {
    expect(parse(['data: half'])).toEqual([]);
    expect(parse(['event: ping\n\n'])).toEqual([]);
  });
});
