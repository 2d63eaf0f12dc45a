import Markdown, { type MarkdownToJSX } from 'markdown-to-jsx/react';
import type { ReactNode } from 'react';
import './markdown.css';

/** Only addresses that lead somewhere: no scripts, no data. */
export function safeAddress(address: string | undefined): string | undefined {
  if (address === undefined) return undefined;
  return /^(https?:\/\/|mailto:|#|\/(?!\/))/i.test(address.trim()) ? address.trim() : undefined;
}

function SafeLink({ href, children }: { href?: string; children?: ReactNode }) {
  const address = safeAddress(href);
  if (address === undefined) return <span>{children}</span>;
  return (
    <a href={address} className="link" rel="noreferrer noopener">
      {children}
    </a>
  );
}

/** Pictures of other sites would tell those who reads here: their address is shown instead. */
function LinkedPicture({ src, alt }: { src?: string; alt?: string }) {
  return <SafeLink {...(src === undefined ? {} : { href: src })}>{alt ?? src}</SafeLink>;
}

/** A wide table scrolls by itself. */
function ScrollingTable({ children }: { children?: ReactNode }) {
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="table-scroll" tabIndex={0}>
      <table>{children}</table>
    </div>
  );
}

const options: MarkdownToJSX.Options = {
  disableParsingRawHTML: true,
  forceBlock: true,
  overrides: {
    a: { component: SafeLink },
    img: { component: LinkedPicture },
    table: { component: ScrollingTable },
    // The page has its own first and second headings.
    h1: { component: 'h3' },
    h2: { component: 'h4' },
    h3: { component: 'h5' },
    h4: { component: 'h6' },
    h5: { component: 'h6' },
    input: { props: { disabled: true } },
  },
};

/** Markdown that people wrote, as elements: its HTML is shown as text and never becomes part of the page. */
export function MarkdownText({ text }: { text: string }) {
  return (
    <div className="markdown">
      <Markdown options={options}>{text}</Markdown>
    </div>
  );
}
