import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { apiPath, request } from '../../api/client';
import { ApiError } from '../../api/errors';
import { cardQuery } from '../../api/queries';
import type { Card } from '../../api/types';
import { Button } from '../../ui/button';
import { TextAreaField } from '../../ui/field';
import { MarkdownText } from '../../ui/markdown';
import { EmptyState, ErrorState, Skeleton } from '../../ui/states';
import { Tabs } from '../../ui/tabs';
import { showToast } from '../../ui/toast';

interface CardViewProps {
  project: string;
  model: string;
  /** null: the model's own card. */
  version: number | null;
}

export function CardView({ project, model, version }: CardViewProps) {
  const { t } = useTranslation();
  const query = useQuery(cardQuery(project, model, version));
  const [edited, setEdited] = useState<Card | null>(null);
  if (query.error !== null)
    return <ErrorState error={query.error} retry={() => void query.refetch()} />;
  if (query.data === undefined) return <Skeleton lines={5} />;
  const card = query.data;
  if (edited !== null) {
    return (
      <CardEditor
        project={project}
        model={model}
        version={version}
        card={edited}
        onClose={() => setEdited(null)}
      />
    );
  }
  if (card.text === '') {
    return (
      <EmptyState
        title={t('card.empty')}
        action={<Button onClick={() => setEdited(card)}>{t('card.write')}</Button>}
      >
        {t('card.empty_text')}
      </EmptyState>
    );
  }
  return (
    <div className="stack">
      <MarkdownText text={card.text} />
      <div className="row">
        <Button onClick={() => setEdited(card)}>{t('card.edit')}</Button>
      </div>
    </div>
  );
}

interface CardEditorProps extends CardViewProps {
  card: Card;
  onClose: () => void;
}

function CardEditor({ project, model, version, card, onClose }: CardEditorProps) {
  const { t } = useTranslation();
  const queryClient = useQueryClient();
  const [text, setText] = useState(card.text);
  const [shown, setShown] = useState<'source' | 'preview'>('source');
  const options = cardQuery(project, model, version);
  const save = useMutation({
    mutationFn: () =>
      request<Card>('PUT', apiPath('projects', project, 'models', model, 'card'), {
        body: { text, version, revision: card.revision },
      }),
    onSuccess: async (saved) => {
      queryClient.setQueryData(options.queryKey, saved);
      onClose();
      showToast(t('card.saved'));
      await queryClient.invalidateQueries({ queryKey: ['models', project] });
    },
  });
  const isConflict = save.error instanceof ApiError && save.error.code === 'aborted';
  return (
    <form
      className="stack card-editor"
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <Tabs
        label={t('models.card')}
        current={shown}
        onChange={setShown}
        tabs={[
          {
            name: 'source',
            label: t('card.source'),
            content: () => (
              <TextAreaField
                label={t('card.text')}
                value={text}
                spellCheck
                onChange={(event) => setText(event.target.value)}
              />
            ),
          },
          {
            name: 'preview',
            label: t('card.preview'),
            content: () => <MarkdownText text={text} />,
          },
        ]}
      />
      {save.error !== null && !isConflict && <ErrorState error={save.error} />}
      {isConflict && (
        <div className="error" role="alert">
          <div>
            <p>{t('card.conflict')}</p>
            <Button
              onClick={() => {
                onClose();
                void queryClient.invalidateQueries({ queryKey: options.queryKey });
              }}
            >
              {t('card.load_theirs')}
            </Button>
          </div>
        </div>
      )}
      <div className="row">
        <Button type="submit" look="primary" busy={save.isPending}>
          {t('card.save')}
        </Button>
        <Button onClick={onClose}>{t('action.cancel')}</Button>
      </div>
    </form>
  );
}
