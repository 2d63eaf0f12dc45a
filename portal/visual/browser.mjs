// Opens Chromium and signs in, for the visual check here and the end-to-end tests in tests/portal.
import { chromium } from 'playwright-core';

export const baseUrl = process.env.MARU_URL ?? 'http://127.0.0.1:7071';
const username = process.env.MARU_USERNAME ?? 'admin';
const password = process.env.MARU_PASSWORD ?? 'admin';

export function openBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** A window of its own, signed in unless told otherwise, that collects what the page complains about. */
export async function openWindow(
  browser,
  { width = 1280, height = 800, language = 'en', theme = 'light', signedOut = false } = {},
) {
  const context = await browser.newContext({
    viewport: { width, height },
    locale: language === 'ko' ? 'ko-KR' : 'en-US',
    colorScheme: theme,
    hasTouch: width < 760,
    isMobile: width < 760,
    baseURL: baseUrl,
  });
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  if (!signedOut) {
    const signIn = await context.request.post('/api/v1/session', { data: { username, password } });
    if (!signIn.ok())
      throw new Error(`sign-in answered ${signIn.status()}: ${await signIn.text()}`);
  }
  return { context, page, complaints };
}

async function items(context, path) {
  const response = await context.request.get(`/api/v1/projects/default/${path}`);
  return (await response.json()).items;
}

/** The address of a page that is described rather than written out. */
export async function addressOf(context, wanted) {
  const search = wanted.search ?? '';
  if (wanted.job !== undefined) {
    const [job] = await items(context, `jobs?state=${wanted.job}&page_size=1`);
    return `/default/jobs/${job.id}${search}`;
  }
  if (wanted.run !== undefined) {
    const runs = await items(context, 'runs?experiment=resnet-sweep&page_size=20');
    return `/default/runs/${runs[wanted.run].id}${search}`;
  }
  if (wanted.compare !== undefined) {
    const runs = await items(context, `runs?experiment=iris&page_size=${wanted.compare}`);
    return `/default/compare?runs=${runs.map((run) => run.id).join(',')}`;
  }
  return wanted.path;
}

export async function show(page, context, wanted) {
  await page.goto(await addressOf(context, wanted));
  await page.waitForSelector('h1', { state: 'attached' });
  await settle(page);
  if (wanted.press !== undefined) {
    await page.keyboard.press(wanted.press);
    await page.waitForSelector('[role=dialog]');
  }
  if (wanted.click !== undefined) await page.click(wanted.click);
  await settle(page);
}

/** Until no skeleton is left and the page has been still for a moment. */
async function settle(page) {
  await page
    .waitForFunction(() => document.querySelector('.skeleton, [aria-busy=true]') === null, null, {
      timeout: 5000,
    })
    .catch(() => undefined);
  await page.waitForTimeout(250);
}
