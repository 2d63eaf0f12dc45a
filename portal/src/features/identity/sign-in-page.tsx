import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, useRouter, useSearch } from '@tanstack/react-router';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { apiPath, rememberCsrfToken, request } from '../../api/client';
import { ApiError } from '../../api/errors';
import { sessionQuery } from '../../api/queries';
import type { Session } from '../../api/types';
import { changeLanguage } from '../../i18n';
import { Button } from '../../ui/button';
import { TextField } from '../../ui/field';
import { Mark } from '../../ui/icon';
import { useTitle } from '../../ui/layout';
import { ErrorState, Skeleton } from '../../ui/states';
import './sign-in.css';

function SignInFrame({ children }: { children: ReactNode }) {
  const { i18n } = useTranslation();
  const other = i18n.language === 'ko' ? 'en' : 'ko';
  return (
    <main className="sign-in">
      <div className="sign-in-box">
        <p className="sign-in-brand">
          <Mark size={26} /> maru
        </p>
        {children}
      </div>
      <Button look="quiet" lang={other} onClick={() => void changeLanguage(other)}>
        {other === 'ko' ? '한국어' : 'English'}
      </Button>
    </main>
  );
}

/** Only a path of our own: `next` comes from the address bar. */
function safeNext(next: string | undefined): string {
  return next !== undefined && /^\/(?![/\\])/.test(next) && !next.startsWith('/sign-in')
    ? next
    : '/';
}

function useEnter() {
  const queryClient = useQueryClient();
  const router = useRouter();
  return async (session: Session, next: string) => {
    rememberCsrfToken(session.csrf_token);
    queryClient.clear();
    queryClient.setQueryData(sessionQuery.queryKey, session);
    await router.navigate({ href: next, replace: true });
  };
}

export function SignInPage() {
  const { t } = useTranslation();
  useTitle(t('sign_in.title'));
  const { next } = useSearch({ from: '/sign-in' });
  const enter = useEnter();
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const signIn = useMutation({
    mutationFn: () =>
      request<Session>('POST', apiPath('session'), { body: { username, password } }),
    onSuccess: (session) => enter(session, safeNext(next)),
  });
  const isRefused = signIn.error instanceof ApiError && signIn.error.code === 'unauthenticated';
  return (
    <SignInFrame>
      <h1 className="visually-hidden">{t('sign_in.title')}</h1>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          signIn.mutate();
        }}
      >
        <TextField
          label={t('sign_in.username')}
          name="username"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          required
          // The page has one purpose, and this field is where it begins.
          // eslint-disable-next-line jsx-a11y/no-autofocus
          autoFocus
          value={username}
          onChange={(event) => setUsername(event.target.value)}
        />
        <TextField
          label={t('sign_in.password')}
          name="password"
          type="password"
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => setPassword(event.target.value)}
          problem={isRefused ? t('sign_in.refused') : undefined}
        />
        {signIn.error !== null && !isRefused && <ErrorState error={signIn.error} />}
        <Button type="submit" look="primary" busy={signIn.isPending}>
          {t('sign_in.submit')}
        </Button>
      </form>
    </SignInFrame>
  );
}

export function SignInLinkPage() {
  const { t } = useTranslation();
  useTitle(t('sign_in.title'));
  const enter = useEnter();
  const asked = useRef(false);
  const { mutate, error } = useMutation({
    mutationFn: (token: string) =>
      request<Session>('POST', apiPath('session', 'link'), { body: { token } }),
    onSuccess: (session) => enter(session, '/'),
  });
  useEffect(() => {
    // The link works once, and strict mode mounts twice.
    if (asked.current) return;
    asked.current = true;
    const token = decodeURIComponent(window.location.hash.slice(1));
    // The token must not stay in the browser's history.
    window.history.replaceState(window.history.state, '', window.location.pathname);
    mutate(token);
  }, [mutate]);
  return (
    <SignInFrame>
      <h1 className="visually-hidden">{t('sign_in.title')}</h1>
      {error === null ? (
        <>
          <p>{t('sign_in.link_working')}</p>
          <Skeleton lines={2} />
        </>
      ) : (
        <div className="stack">
          <ErrorState error={error} />
          <p className="muted">{t('sign_in.link_hint')}</p>
          <Link to="/sign-in" className="button">
            {t('sign_in.with_password')}
          </Link>
        </div>
      )}
    </SignInFrame>
  );
}
