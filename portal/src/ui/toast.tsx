import { useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import { Icon } from './icon';
import { errorMessage } from './states';

interface Toast {
  id: number;
  text: string;
  tone: 'plain' | 'bad';
  action?: { label: string; run: () => void } | undefined;
}

let toasts: Toast[] = [];
let nextId = 1;
const listeners = new Set<() => void>();
const shownForMs = 6000;

function change(next: Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

function dismiss(id: number): void {
  change(toasts.filter((toast) => toast.id !== id));
}

export function showToast(text: string, action?: Toast['action'], tone: Toast['tone'] = 'plain') {
  const id = nextId++;
  change([...toasts.slice(-2), { id, text, tone, action }]);
  setTimeout(() => dismiss(id), tone === 'bad' ? 2 * shownForMs : shownForMs);
}

export function showError(error: unknown): void {
  showToast(errorMessage(error), undefined, 'bad');
}

export function Toasts() {
  const { t } = useTranslation();
  const current = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  return (
    <div className="toasts" role="status" aria-live="polite">
      {current.map((toast) => (
        <div key={toast.id} className={`toast ${toast.tone}`}>
          {toast.tone === 'bad' && <Icon name="warning" />}
          <span>{toast.text}</span>
          {toast.action !== undefined && (
            <button
              type="button"
              className="button quiet"
              onClick={() => {
                dismiss(toast.id);
                toast.action?.run();
              }}
            >
              {toast.action.label}
            </button>
          )}
          <button
            type="button"
            className="button quiet icon-only"
            aria-label={t('action.close')}
            onClick={() => dismiss(toast.id)}
          >
            <Icon name="close" size={12} />
          </button>
        </div>
      ))}
    </div>
  );
}
