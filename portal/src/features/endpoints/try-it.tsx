import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../../api/client';
import { endpointQuery } from '../../api/queries';
import type { Endpoint, Json } from '../../api/types';
import { formatMilliseconds } from '../../i18n/format';
import { Button } from '../../ui/button';
import { CodeBlock } from '../../ui/copy';
import { TextAreaField } from '../../ui/field';
import { Section } from '../../ui/layout';
import { ErrorState } from '../../ui/states';
import { exampleInput, formatRequest } from './example-input';

interface Answer {
  body: Json;
  elapsedMs: number;
}

function problemIn(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

export function TryIt({ project, endpoint }: { project: string; endpoint: Endpoint }) {
  const { t } = useTranslation();
  const queryClient = useQueryClient();
  const [text, setText] = useState(() => exampleInput(endpoint));
  const problem = problemIn(text);
  const predict = useMutation({
    mutationFn: async (): Promise<Answer> => {
      const start = performance.now();
      const body = await request<Json>('POST', `${endpoint.url}/invocations`, {
        body: JSON.parse(text) as Json,
      });
      return { body, elapsedMs: performance.now() - start };
    },
    onSettled: () =>
      queryClient.invalidateQueries({
        queryKey: endpointQuery(project, endpoint.name).queryKey,
      }),
  });
  const send = () => {
    if (problem === undefined && endpoint.state !== 'failed') predict.mutate();
  };
  return (
    <div className="columns">
      <Section
        title={t('endpoints.request')}
        actions={
          <Button look="quiet" onClick={() => setText(exampleInput(endpoint))}>
            {t('endpoints.reset')}
          </Button>
        }
      >
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault();
            send();
          }}
        >
          <TextAreaField
            label={t('endpoints.body')}
            className="mono"
            rows={14}
            spellCheck={false}
            value={text}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
                event.preventDefault();
                send();
              }
            }}
            problem={problem === undefined ? undefined : t('endpoints.bad_json', { problem })}
            hint={t('endpoints.body_hint')}
          />
          <div className="row">
            <Button
              type="submit"
              look="primary"
              busy={predict.isPending}
              disabled={problem !== undefined}
            >
              {t('endpoints.send')}
            </Button>
            <span className="muted">Ctrl Enter</span>
          </div>
        </form>
      </Section>
      <Section title={t('endpoints.response')}>
        <div aria-live="polite" className="stack">
          {predict.error !== null && <ErrorState error={predict.error} />}
          {predict.data !== undefined && (
            <>
              <p>
                <strong>{formatMilliseconds(predict.data.elapsedMs)}</strong>{' '}
                <span className="muted">{t('endpoints.elapsed_hint')}</span>
              </p>
              <CodeBlock code={formatRequest(predict.data.body)} label="JSON" />
            </>
          )}
          {predict.data === undefined && predict.error === null && (
            <p className="muted">
              {endpoint.state === 'ready' ? t('endpoints.no_answer') : t('endpoints.not_ready')}
            </p>
          )}
        </div>
      </Section>
    </div>
  );
}
