import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { apiPath, createHeaders, request } from '../../api/client';
import { ApiError } from '../../api/errors';
import { webhooksQuery } from '../../api/queries';
import type { Webhook } from '../../api/types';
import { Button } from '../../ui/button';
import { TextField } from '../../ui/field';
import { ErrorState } from '../../ui/states';
import { showToast } from '../../ui/toast';

/** Entities and their actions, as the server has them; a webhook asks for `entity.action`. */
const events = {
  registered_model: ['created'],
  model_version: ['created'],
  model_version_tag: ['set', 'deleted'],
  model_version_alias: ['created', 'deleted'],
  prompt: ['created'],
  prompt_version: ['created'],
  prompt_tag: ['set', 'deleted'],
  prompt_version_tag: ['set', 'deleted'],
  prompt_alias: ['created', 'deleted'],
  job: ['succeeded', 'failed', 'stopped'],
};
const eventNames = Object.entries(events).flatMap(([entity, actions]) =>
  actions.map((action) => `${entity}.${action}`),
);

export function NewWebhook({ project }: { project: string }) {
  const { t } = useTranslation();
  const queryClient = useQueryClient();
  const [name, setName] = useState('');
  const [url, setUrl] = useState('');
  const [secret, setSecret] = useState('');
  const [chosen, setChosen] = useState<string[]>(['model_version.created']);
  const create = useMutation({
    mutationFn: () =>
      request<Webhook>('POST', apiPath('projects', project, 'webhooks'), {
        body: { name: name.trim(), url: url.trim(), secret, events: chosen },
        headers: createHeaders(),
      }),
    onSuccess: async (webhook) => {
      setName('');
      setUrl('');
      setSecret('');
      await queryClient.invalidateQueries({ queryKey: webhooksQuery(project).queryKey });
      showToast(t('settings.webhooks.created', { name: webhook.name }));
    },
  });
  const problem = (field: string) =>
    create.error instanceof ApiError ? create.error.detailFor(field) : undefined;
  const toggle = (event: string) =>
    setChosen((before) =>
      before.includes(event) ? before.filter((one) => one !== event) : [...before, event],
    );
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        create.mutate();
      }}
    >
      <div className="inline-form">
        <TextField
          label={t('settings.webhooks.name')}
          required
          spellCheck={false}
          placeholder="ci"
          value={name}
          onChange={(event) => setName(event.target.value)}
          problem={problem('name')}
        />
        <TextField
          label={t('settings.webhooks.url')}
          required
          type="url"
          spellCheck={false}
          placeholder="https://ci.example.org/hook"
          value={url}
          onChange={(event) => setUrl(event.target.value)}
          problem={problem('url')}
        />
        <TextField
          label={t('settings.webhooks.secret')}
          type="password"
          autoComplete="off"
          value={secret}
          onChange={(event) => setSecret(event.target.value)}
          problem={problem('secret')}
        />
        <Button type="submit" look="primary" busy={create.isPending} disabled={chosen.length === 0}>
          {t('settings.webhooks.create')}
        </Button>
      </div>
      <fieldset className="webhook-events">
        <legend>{t('settings.webhooks.events')}</legend>
        {eventNames.map((event) => (
          <label key={event}>
            <input
              type="checkbox"
              checked={chosen.includes(event)}
              onChange={() => toggle(event)}
            />
            <code>{event}</code>
          </label>
        ))}
      </fieldset>
      {create.error !== null && <ErrorState error={create.error} />}
    </form>
  );
}
