import { useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { sessionQuery } from '../../api/queries';
import { removeView, saveView, viewsQuery } from '../../api/tracking';
import { Button, IconButton } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { TextField } from '../../ui/field';
import { RelativeTime } from '../../ui/time';
import { errorMessage } from '../../ui/states';
import { showError, showToast } from '../../ui/toast';

interface ViewsMenuProps {
  project: string;
  experiment: string;
  /** What the address says after its `?`. */
  state: string;
  onOpen: (state: string) => void;
}

/** Looks at an experiment that were given a name; everyone in the project sees them. */
export function ViewsMenu({ project, experiment, state, onOpen }: ViewsMenuProps) {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(false);
  const { data } = useQuery(viewsQuery(project, experiment));
  const current = data?.items.find((view) => view.state === state);
  return (
    <>
      <Button icon="views" onClick={() => setOpen(true)}>
        <span className="cut view-name">{current?.name ?? t('views.title')}</span>
      </Button>
      <Dialog
        open={isOpen}
        onOpenChange={setOpen}
        title={t('views.title')}
        description={t('views.text')}
      >
        <ViewsBody
          project={project}
          experiment={experiment}
          state={state}
          onOpen={(next) => {
            setOpen(false);
            onOpen(next);
          }}
        />
      </Dialog>
    </>
  );
}

function ViewsBody({ project, experiment, state, onOpen }: ViewsMenuProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { data: session } = useSuspenseQuery(sessionQuery);
  const { data } = useQuery(viewsQuery(project, experiment));
  const [name, setName] = useState('');
  const [problem, setProblem] = useState<string>();
  const role = session.projects.find((one) => one.name === project)?.role;
  const mayWrite = session.user.admin || role !== 'viewer';
  const refresh = () =>
    client.invalidateQueries({ queryKey: viewsQuery(project, experiment).queryKey });
  const save = async () => {
    try {
      await saveView(project, experiment, name.trim(), state);
      showToast(t('views.saved', { name: name.trim() }));
      setName('');
      setProblem(undefined);
      await refresh();
    } catch (error) {
      setProblem(errorMessage(error));
    }
  };
  const remove = async (removed: { name: string; state: string }) => {
    try {
      await removeView(project, experiment, removed.name);
      showToast(t('views.removed', { name: removed.name }), {
        label: t('action.undo'),
        run: () => void saveView(project, experiment, removed.name, removed.state).then(refresh),
      });
      await refresh();
    } catch (error) {
      showError(error);
    }
  };
  return (
    <div className="stack views">
      {data !== undefined && data.items.length === 0 && <p className="muted">{t('views.empty')}</p>}
      <ul>
        {data?.items.map((view) => (
          <li key={view.name} className="row one-line tight">
            <button
              type="button"
              className="view-open grow cut"
              aria-current={view.state === state || undefined}
              onClick={() => onOpen(view.state)}
            >
              {view.name}
            </button>
            <span className="muted cut">
              {view.user} · <RelativeTime at={view.updated_at} />
            </span>
            {mayWrite && (
              <IconButton
                icon="trash"
                label={t('views.remove', { name: view.name })}
                onClick={() => void remove(view)}
              />
            )}
          </li>
        ))}
      </ul>
      {mayWrite && (
        <form
          className="row one-line"
          onSubmit={(event) => {
            event.preventDefault();
            void save();
          }}
        >
          <div className="grow">
            <TextField
              label={t('views.name')}
              value={name}
              maxLength={200}
              problem={problem}
              onChange={(event) => setName(event.target.value)}
            />
          </div>
          <Button type="submit" look="primary" disabled={name.trim() === ''}>
            {data?.items.some((view) => view.name === name.trim()) === true
              ? t('views.replace')
              : t('views.save')}
          </Button>
        </form>
      )}
    </div>
  );
}
