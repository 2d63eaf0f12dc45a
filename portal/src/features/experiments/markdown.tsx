import { Fragment, type ReactNode } from 'react';
import { CodeText } from './code-text';
import { parseBlocks, parseInline, type Block, type Inline } from './markdown-parse';

/** Someone's Markdown, as elements: nothing of it is ever taken for HTML. */
export default function Markdown({ text }: { text: string }) {
  return <div className="markdown">{parseBlocks(text).map(renderBlock)}</div>;
}

function inline(text: string): ReactNode {
  return parseInline(text).map((part: Inline, index) => {
    switch (part.kind) {
      case 'code':
        return <code key={index}>{part.text}</code>;
      case 'strong':
        return <strong key={index}>{inline(part.text)}</strong>;
      case 'emphasis':
        return <em key={index}>{inline(part.text)}</em>;
      case 'link':
        return (
          <a
            key={index}
            className="link"
            href={part.href}
            target="_blank"
            rel="noreferrer noopener"
          >
            {part.text}
          </a>
        );
      default:
        return <Fragment key={index}>{part.text}</Fragment>;
    }
  });
}

function renderBlock(block: Block, index: number): ReactNode {
  switch (block.kind) {
    case 'heading': {
      // The page has its own h1 and h2.
      const Heading = `h${Math.min(6, block.level + 2)}` as 'h3';
      return (
        <Heading key={index} className={`markdown-h${block.level}`}>
          {inline(block.text)}
        </Heading>
      );
    }
    case 'code':
      return <CodeText key={index} text={block.text} name={`code.${block.language}`} />;
    case 'list': {
      const List = block.isOrdered ? 'ol' : 'ul';
      return (
        <List key={index}>
          {block.items.map((item, place) => (
            <li key={place}>{inline(item)}</li>
          ))}
        </List>
      );
    }
    case 'quote':
      return <blockquote key={index}>{inline(block.text)}</blockquote>;
    case 'rule':
      return <hr key={index} />;
    case 'table':
      return (
        <table key={index} className="plain-table">
          <thead>
            <tr>
              {block.header.map((cell, place) => (
                <th key={place} scope="col">
                  {inline(cell)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {block.rows.map((row, line) => (
              <tr key={line}>
                {row.map((cell, place) => (
                  <td key={place}>{inline(cell)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      );
    case 'paragraph':
      return <p key={index}>{inline(block.text)}</p>;
  }
}
