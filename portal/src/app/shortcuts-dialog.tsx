import { useTranslation } from 'react-i18next';
import { Dialog } from '../ui/dialog';

const shortcuts = [
  ['Ctrl K', 'shortcut.palette'],
  ['/', 'shortcut.search'],
  ['j  k', 'shortcut.move'],
  ['Enter', 'shortcut.open'],
  ['Esc', 'shortcut.close'],
  ['?', 'shortcut.help'],
] as const;

export default function ShortcutsDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={t('nav.shortcuts')}>
      <dl className="definitions">
        {shortcuts.map(([keys, text]) => (
          <div key={keys}>
            <dt>
              {keys.split('  ').map((key) => (
                <kbd key={key} className="shortcut-key">
                  {key}
                </kbd>
              ))}
            </dt>
            <dd>{t(text)}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
