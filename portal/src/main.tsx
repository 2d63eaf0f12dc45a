import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { ApiError } from './api/errors';
import { createPortalRouter } from './app/router';
import { startTranslations } from './i18n';
import './ui/styles.css';

const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      // What the server refused it will refuse again; what it could not answer may pass.
      retry: (failures, error) =>
        failures < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
      refetchOnWindowFocus: true,
    },
    mutations: { retry: false },
  },
});

const router = createPortalRouter(queryClient);

queryClient.getQueryCache().subscribe((event) => {
  if (event.type !== 'updated' || event.action.type !== 'error') return;
  const error: unknown = event.action.error;
  if (!(error instanceof ApiError) || error.code !== 'unauthenticated') return;
  const { pathname, href } = router.state.location;
  if (pathname.startsWith('/sign-in')) return;
  void router.navigate({ to: '/sign-in', search: { next: href } });
});

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');

try {
  await startTranslations();
} catch (error) {
  // Without its texts the portal cannot say this in one language.
  root.textContent =
    'This page could not be loaded. Reload it. · 페이지를 불러오지 못했습니다. 새로고침하세요.';
  throw error;
}
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
);
