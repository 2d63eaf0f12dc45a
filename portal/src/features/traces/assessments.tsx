import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { apiPath, createHeaders, request } from '../../api/client';
import { Button, IconButton } from '../../ui/button';
import { SelectField, TextAreaField, TextField } from '../../ui/field';
import { Section } from '../../ui/layout';
import { RelativeTime } from '../../ui/time';
import { showError, showToast } from '../../ui/toast';
import { parseFeedback, showValue } from './span-tree';
import type { Assessment, AssessmentKind } from './types';
import './traces.css';

function shortValue(assessment: Assessment): string {
  if (assessment.error !== null) return '!';
  const value = assessment.value;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export function AssessmentChips({ assessments }: { assessments: Assessment[] }) {
  const valid = assessments.filter((assessment) => assessment.valid);
  if (valid.length === 0) return <span className="muted">–</span>;
  return (
    <span className="assessment-chips">
      {valid.map((assessment) => (
        <span
          key={assessment.id}
          className="chip"
          title={`${assessment.name}: ${shortValue(assessment)}`}
        >
          {assessment.name} <strong>{shortValue(assessment)}</strong>
        </span>
      ))}
    </span>
  );
}

interface AssessmentsProps {
  project: string;
  traceId: string;
  assessments: Assessment[];
  spanNames: ReadonlyMap<string, string>;
}

export function Assessments({ project, traceId, assessments, spanNames }: AssessmentsProps) {
  const { t } = useTranslation();
  const refresh = useRefresh(project);
  const remove = useMutation({
    mutationFn: (id: string) =>
      request('DELETE', apiPath('projects', project, 'traces', traceId, 'assessments', id)),
    onSuccess: async () => {
      await refresh();
      showToast(t('traces.assessment_deleted'));
    },
    onError: showError,
  });
  return (
    <Section title={t('traces.assessments')}>
      {assessments.length === 0 ? (
        <p className="muted">{t('traces.assessments_none')}</p>
      ) : (
        <ul className="assessment-list">
          {assessments.map((assessment) => (
            <li key={assessment.id} className={assessment.valid ? '' : 'overridden'}>
              <div className="assessment-head">
                <strong>{assessment.name}</strong>
                <code className="assessment-value">{shortValue(assessment)}</code>
                <span className="muted">{t(`traces.kind_${assessment.kind}`)}</span>
                {!assessment.valid && <span className="chip">{t('traces.overridden')}</span>}
                <span className="grow" />
                <IconButton
                  icon="trash"
                  label={t('traces.assessment_delete', { name: assessment.name })}
                  onClick={() => remove.mutate(assessment.id)}
                />
              </div>
              {assessment.rationale !== null && <p>{assessment.rationale}</p>}
              {assessment.error !== null && (
                <p className="assessment-error">{showValue(assessment.error as never)}</p>
              )}
              <p className="muted">
                {t(`traces.source_${assessment.source_type}`)}
                {assessment.source_id !== null && ` · ${assessment.source_id}`} ·{' '}
                <RelativeTime at={assessment.created_at} />
                {assessment.span_id !== null &&
                  ` · ${spanNames.get(assessment.span_id) ?? assessment.span_id}`}
              </p>
            </li>
          ))}
        </ul>
      )}
      <AddAssessment project={project} traceId={traceId} />
    </Section>
  );
}

function useRefresh(project: string) {
  const queryClient = useQueryClient();
  return () => queryClient.invalidateQueries({ queryKey: ['traces', project] });
}

function AddAssessment({ project, traceId }: { project: string; traceId: string }) {
  const { t } = useTranslation();
  const refresh = useRefresh(project);
  const [name, setName] = useState('');
  const [value, setValue] = useState('');
  const [rationale, setRationale] = useState('');
  const [kind, setKind] = useState<AssessmentKind>('feedback');
  const add = useMutation({
    mutationFn: () =>
      request('POST', apiPath('projects', project, 'traces', traceId, 'assessments'), {
        body: { name: name.trim(), kind, value: parseFeedback(value), rationale: rationale.trim() },
        headers: createHeaders(),
      }),
    onSuccess: async () => {
      setName('');
      setValue('');
      setRationale('');
      await refresh();
      showToast(t('traces.assessment_added'));
    },
    onError: showError,
  });
  return (
    <form
      className="assessment-form"
      aria-label={t('traces.assessment_add')}
      onSubmit={(event) => {
        event.preventDefault();
        add.mutate();
      }}
    >
      <div className="assessment-fields">
        <SelectField
          label={t('traces.kind')}
          value={kind}
          onChange={(event) => setKind(event.target.value as AssessmentKind)}
        >
          <option value="feedback">{t('traces.kind_feedback')}</option>
          <option value="expectation">{t('traces.kind_expectation')}</option>
        </SelectField>
        <TextField
          label={t('traces.assessment_name')}
          placeholder="correctness"
          required
          maxLength={250}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <TextField
          label={t('traces.assessment_value')}
          placeholder="true, 0.8, good"
          required
          value={value}
          onChange={(event) => setValue(event.target.value)}
        />
      </div>
      <TextAreaField
        label={t('traces.rationale')}
        rows={2}
        value={rationale}
        onChange={(event) => setRationale(event.target.value)}
      />
      <Button type="submit" icon="plus" busy={add.isPending}>
        {t('traces.assessment_add')}
      </Button>
    </form>
  );
}
