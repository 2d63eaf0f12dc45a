import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { TextField } from '../../ui/field';
import { ErrorState, errorMessage } from '../../ui/states';
import { showToast } from '../../ui/toast';
import { deleteTrace, forEachOf, setTraceTag } from './trace-edits';

interface TraceActionsProps {
  project: string;
  ids: string[];
  onDeleted: () => void;
}

/** Tags and deletes one trace or many. */
export function TraceActions({ project, ids, onDeleted }: TraceActionsProps) {
  const { t } = useTranslation();
  const [open, setOpen] = useState<'tag' | 'delete' | null>(null);
  return (
    <>
      <Button icon="tag" onClick={() => setOpen('tag')}>
        {t('traces.tag')}
      </Button>
      <Button look="danger" icon="trash" onClick={() => setOpen('delete')}>
        {t('traces.delete_selected')}
      </Button>
      {open === 'tag' && <TagDialog project={project} ids={ids} onClose={() => setOpen(null)} />}
      {open === 'delete' && (
        <DeleteDialog
          project={project}
          ids={ids}
          onDone={() => {
            setOpen(null);
            onDeleted();
          }}
          onClose={() => setOpen(null)}
        />
      )}
    </>
  );
}

/** Acts on each of the traces; a part that failed is said with how many were done before. */
function useEach(
  project: string,
  ids: string[],
  act: (id: string) => Promise<unknown>,
  onDone: () => void,
) {
  const { t } = useTranslation();
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: async () => {
      const { done, error } = await forEachOf(ids, act);
      await queryClient.invalidateQueries({ queryKey: ['traces', project, 'list'] });
      if (error === null) return;
      if (done === 0) throw error;
      throw new Error(
        t('traces.some_failed', { done, count: ids.length, message: errorMessage(error) }),
      );
    },
    onSuccess: onDone,
  });
}

interface DeleteDialogProps {
  project: string;
  ids: string[];
  onDone: () => void;
  onClose: () => void;
}

function DeleteDialog({ project, ids, onDone, onClose }: DeleteDialogProps) {
  const { t } = useTranslation();
  const remove = useEach(
    project,
    ids,
    (id) => deleteTrace(project, id),
    () => {
      showToast(t('traces.deleted', { count: ids.length }));
      onDone();
    },
  );
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={t('traces.delete_title', { count: ids.length })}
      description={t('traces.delete_text')}
    >
      {remove.error !== null && <ErrorState error={remove.error} />}
      <div className="form-actions">
        <Button onClick={onClose}>{t('action.cancel')}</Button>
        <Button look="danger" busy={remove.isPending} onClick={() => remove.mutate()}>
          {t('action.delete')}
        </Button>
      </div>
    </Dialog>
  );
}

interface TagDialogProps {
  project: string;
  ids: string[];
  onClose: () => void;
}

function TagDialog({ project, ids, onClose }: TagDialogProps) {
  const { t } = useTranslation();
  const queryClient = useQueryClient();
  const [key, setKey] = useState('');
  const [value, setValue] = useState('');
  const set = useEach(
    project,
    ids,
    (id) => setTraceTag(project, id, key.trim(), value),
    () => {
      showToast(t('traces.tagged', { count: ids.length }));
      void queryClient.invalidateQueries({ queryKey: ['traces', project] });
      onClose();
    },
  );
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={t('traces.tag_title', { count: ids.length })}
      description={t('traces.tag_text')}
    >
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          set.mutate();
        }}
      >
        <TextField
          label={t('traces.tag_key')}
          required
          spellCheck={false}
          value={key}
          onChange={(event) => setKey(event.target.value)}
        />
        <TextField
          label={t('traces.tag_value')}
          value={value}
          onChange={(event) => setValue(event.target.value)}
        />
        {set.error !== null && <ErrorState error={set.error} />}
        <div className="form-actions">
          <Button onClick={onClose}>{t('action.cancel')}</Button>
          <Button type="submit" look="primary" busy={set.isPending}>
            {t('traces.tag_set')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
