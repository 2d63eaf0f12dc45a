import { useMemo } from 'react';
import { highlight } from './highlight';

/** Text as it is, coloured where its language is known. */
export function CodeText({ text, name }: { text: string; name: string }) {
  const parts = useMemo(() => highlight(text, name), [text, name]);
  return (
    // A scrolling region must be reachable by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <pre className="artifact-text" tabIndex={0} role="region" aria-label={name}>
      {parts.map((part, index) =>
        part.kind === null ? (
          part.text
        ) : (
          <span key={index} className={`code-${part.kind}`}>
            {part.text}
          </span>
        ),
      )}
    </pre>
  );
}
