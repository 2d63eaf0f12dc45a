import { useMutation, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { apiPath, request } from '../../api/client';
import { ApiError } from '../../api/errors';
import { sessionQuery } from '../../api/queries';
import { changeLanguage, currentLanguage, languages } from '../../i18n';
import { Button } from '../../ui/button';
import { TextField } from '../../ui/field';
import { Definitions, Section } from '../../ui/layout';
import { ErrorState } from '../../ui/states';
import { showToast } from '../../ui/toast';

const languageNames = { en: 'English', ko: '한국어' };

export default function AccountSection() {
  const { t } = useTranslation();
  const { data: session } = useSuspenseQuery(sessionQuery);
  const { user } = session;
  return (
    <div className="stack settings-wide">
      <Definitions
        rows={[
          [t('settings.account.name'), user.name],
          [t('settings.account.display_name'), user.display_name],
          [
            t('settings.account.role'),
            user.admin ? t('settings.account.admin') : t('settings.account.member'),
          ],
          [
            t('settings.account.projects'),
            session.projects
              .map((project) => `${project.name} (${t(`role.${project.role}`)})`)
              .join(', '),
          ],
          [
            t('settings.account.language'),
            <div key="language" className="segments" role="group">
              {languages.map((language) => (
                <button
                  key={language}
                  type="button"
                  className="segment"
                  lang={language}
                  aria-pressed={currentLanguage() === language}
                  onClick={() => void changeLanguage(language)}
                >
                  {languageNames[language]}
                </button>
              ))}
            </div>,
          ],
        ]}
      />
      {session.auth === 'local' && <PasswordForm hasPassword={user.has_password} />}
    </div>
  );
}

function PasswordForm({ hasPassword }: { hasPassword: boolean }) {
  const { t } = useTranslation();
  const queryClient = useQueryClient();
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const change = useMutation({
    mutationFn: () =>
      request('POST', apiPath('session', 'password'), {
        body: { ...(hasPassword ? { current_password: current } : {}), new_password: next },
      }),
    onSuccess: async () => {
      setCurrent('');
      setNext('');
      await queryClient.invalidateQueries({ queryKey: sessionQuery.queryKey });
      showToast(t('settings.account.password_changed'));
    },
  });
  const problem = (field: string) =>
    change.error instanceof ApiError ? change.error.detailFor(field) : undefined;
  return (
    <Section
      title={hasPassword ? t('settings.account.password') : t('settings.account.password_first')}
    >
      {!hasPassword && <p className="muted">{t('settings.account.password_first_text')}</p>}
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate();
        }}
      >
        {hasPassword && (
          <TextField
            label={t('settings.account.password_current')}
            type="password"
            autoComplete="current-password"
            required
            value={current}
            onChange={(event) => setCurrent(event.target.value)}
            problem={problem('current_password')}
          />
        )}
        <TextField
          label={t('settings.account.password_new')}
          type="password"
          autoComplete="new-password"
          required
          value={next}
          onChange={(event) => setNext(event.target.value)}
          problem={problem('new_password')}
        />
        {change.error !== null && <ErrorState error={change.error} />}
        <div>
          <Button type="submit" busy={change.isPending}>
            {t('settings.account.password_submit')}
          </Button>
        </div>
      </form>
    </Section>
  );
}
