import type { ReactNode } from 'react';
import { useEffect } from 'react';

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title === '' ? 'maru' : `${title} · maru`;
  }, [title]);
}

export interface PageHeaderProps {
  title: ReactNode;
  /** What the browser's tab shows. */
  documentTitle: string;
  crumbs?: ReactNode;
  meta?: ReactNode;
  actions?: ReactNode;
}

export function PageHeader({ title, documentTitle, crumbs, meta, actions }: PageHeaderProps) {
  useTitle(documentTitle);
  return (
    <header className="page-header">
      {crumbs !== undefined && <div className="crumbs">{crumbs}</div>}
      <div className="page-title-line">
        <h1>{title}</h1>
        {meta !== undefined && <div className="page-meta">{meta}</div>}
        {actions !== undefined && <div className="page-actions">{actions}</div>}
      </div>
    </header>
  );
}

export interface Fact {
  label: string;
  value: ReactNode;
  hint?: string | undefined;
}

export function Facts({ facts }: { facts: Fact[] }) {
  return (
    <dl className="facts">
      {facts.map((fact) => (
        <div key={fact.label} title={fact.hint}>
          <dt>{fact.label}</dt>
          <dd>{fact.value}</dd>
        </div>
      ))}
    </dl>
  );
}

export interface SectionProps {
  title: string;
  actions?: ReactNode;
  children: ReactNode;
}

export function Section({ title, actions, children }: SectionProps) {
  return (
    <section className="section" aria-label={title}>
      <div className="section-head">
        <h2>{title}</h2>
        {actions}
      </div>
      {children}
    </section>
  );
}

/** Pairs of a name and a value, long ones wrapping: settings, tags, variables. */
export function Definitions({ rows, empty }: { rows: [string, ReactNode][]; empty?: string }) {
  if (rows.length === 0) return <p className="muted">{empty ?? '–'}</p>;
  return (
    <dl className="definitions">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
