import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../ui/button';
import { CopyButton } from '../../ui/copy';
import { Dialog } from '../../ui/dialog';
import { TextAreaField, TextField } from '../../ui/field';
import { MarkdownText } from '../../ui/markdown';

/** They are part of the address, which servers and chats cut when it is much longer. */
const notesMost = 2500;

export interface ReportText {
  title: string | undefined;
  notes: string | undefined;
}

interface ReportActionsProps extends ReportText {
  onChange: (next: ReportText) => void;
}

/** A comparison becomes a report by a title and notes; its address holds all of it. */
export function ReportActions({ title, notes, onChange }: ReportActionsProps) {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button icon="edit" onClick={() => setOpen(true)}>
        {t('compare.write')}
      </Button>
      <CopyButton text={() => window.location.href} label={t('compare.copy_link')} />
      {isOpen && (
        <Dialog
          open
          onOpenChange={setOpen}
          title={t('compare.write')}
          description={t('compare.write_text')}
        >
          <EditForm
            title={title}
            notes={notes}
            onChange={(next) => {
              setOpen(false);
              onChange(next);
            }}
          />
        </Dialog>
      )}
    </>
  );
}

function EditForm({ title, notes, onChange }: ReportActionsProps) {
  const { t } = useTranslation();
  const [newTitle, setTitle] = useState(title ?? '');
  const [newNotes, setNotes] = useState(notes ?? '');
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault();
        onChange({
          title: newTitle.trim() === '' ? undefined : newTitle.trim(),
          notes: newNotes.trim() === '' ? undefined : newNotes.trim(),
        });
      }}
    >
      <TextField
        label={t('compare.report_title')}
        maxLength={200}
        value={newTitle}
        onChange={(event) => setTitle(event.target.value)}
      />
      <TextAreaField
        label={t('compare.notes')}
        hint={t('compare.notes_hint', { count: notesMost })}
        rows={8}
        maxLength={notesMost}
        value={newNotes}
        onChange={(event) => setNotes(event.target.value)}
      />
      <div className="form-actions">
        <Button type="submit" look="primary">
          {t('compare.write_done')}
        </Button>
      </div>
    </form>
  );
}

export function ReportNotes({ notes }: { notes: string | undefined }) {
  return notes === undefined ? null : <MarkdownText text={notes} />;
}
