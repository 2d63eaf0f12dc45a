/// <reference types="vitest/config" />
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const server = process.env['MARU_URL'] ?? 'http://127.0.0.1:7070';

export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2022',
    // `default-src 'self'` refuses data: URLs, so no asset may be inlined as one.
    assetsInlineLimit: 0,
    manifest: true,
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            {
              name: 'vendor',
              test: /node_modules\/(react|react-dom|scheduler|i18next|react-i18next|use-sync-external-store|@tanstack\/(query-core|react-query|react-router|router-core|history|react-store|store))\//,
            },
            {
              name: 'common',
              test: /src\/(ui\/(?!chart|dialog|tabs|data-table)|api\/|i18n\/\w+\.ts|app\/(search|page-states|current-project))/,
            },
          ],
        },
      },
    },
  },
  server: {
    proxy: {
      '/api': server,
      '/p/': {
        target: server,
        // `/p/PROJECT/` itself is a page (MLflow prints links to it); what is below it is the API.
        bypass: (request) =>
          request.headers.accept?.includes('text/html') ? '/index.html' : undefined,
      },
    },
  },
  test: { include: ['src/**/*.test.ts', 'src/**/*.test.tsx'], environment: 'node' },
});
