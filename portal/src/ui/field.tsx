import { useId, type ComponentProps, type ReactNode } from 'react';

interface FieldFrameProps {
  label: string;
  hint?: ReactNode;
  problem?: string | undefined;
}

function describedBy(id: string, hint: ReactNode, problem: string | undefined): string | undefined {
  const ids = [
    hint === undefined ? '' : `${id}-hint`,
    problem === undefined ? '' : `${id}-problem`,
  ].filter((part) => part !== '');
  return ids.length === 0 ? undefined : ids.join(' ');
}

function FieldFrame({
  id,
  label,
  hint,
  problem,
  children,
}: FieldFrameProps & { id: string; children: ReactNode }) {
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children}
      {hint !== undefined && (
        <p id={`${id}-hint`} className="field-hint">
          {hint}
        </p>
      )}
      {problem !== undefined && (
        <p id={`${id}-problem`} className="field-problem" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}

export function TextField({
  label,
  hint,
  problem,
  ...input
}: FieldFrameProps & ComponentProps<'input'>) {
  const id = useId();
  return (
    <FieldFrame id={id} label={label} hint={hint} problem={problem}>
      <input
        {...input}
        id={id}
        className={`input ${input.className ?? ''}`}
        aria-invalid={problem !== undefined || undefined}
        aria-describedby={describedBy(id, hint, problem)}
      />
    </FieldFrame>
  );
}

export function TextAreaField({
  label,
  hint,
  problem,
  ...area
}: FieldFrameProps & ComponentProps<'textarea'>) {
  const id = useId();
  return (
    <FieldFrame id={id} label={label} hint={hint} problem={problem}>
      <textarea
        {...area}
        id={id}
        className={`input ${area.className ?? ''}`}
        aria-invalid={problem !== undefined || undefined}
        aria-describedby={describedBy(id, hint, problem)}
      />
    </FieldFrame>
  );
}

export function SelectField({
  label,
  hint,
  problem,
  children,
  ...select
}: FieldFrameProps & ComponentProps<'select'>) {
  const id = useId();
  return (
    <FieldFrame id={id} label={label} hint={hint} problem={problem}>
      <select
        {...select}
        id={id}
        className="input"
        aria-invalid={problem !== undefined || undefined}
        aria-describedby={describedBy(id, hint, problem)}
      >
        {children}
      </select>
    </FieldFrame>
  );
}
