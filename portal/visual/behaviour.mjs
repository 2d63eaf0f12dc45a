// Uses the portal as a person would, against the mock or a real server (MARU_URL, MARU_USERNAME, MARU_PASSWORD),
// and says what does not work. Cases marked `mockOnly` need the mock's own data.
import assert from 'node:assert/strict';
import { baseUrl, openBrowser, openWindow } from './browser.mjs';

const isMock = process.env.MARU_URL === undefined;
const username = process.env.MARU_USERNAME ?? 'admin';
const password = process.env.MARU_PASSWORD ?? 'admin';
// A pattern of the cases' names: ONLY='palette|token'.
const only = process.env.ONLY === undefined ? undefined : new RegExp(process.env.ONLY);
// Ample: the machine may be building something else.
const timeoutMs = Number(process.env.TIMEOUT_MS ?? 60_000);
const project = process.env.MARU_PROJECT ?? 'default';

async function firstOf(context, path) {
  const response = await context.request.get(`/api/v1/projects/${project}/${path}`);
  return (await response.json()).items[0];
}

const cases = [
  {
    name: 'a page asks to sign in, refuses a wrong password, and comes back',
    signedOut: true,
    async run({ page }) {
      await page.goto(`/${project}/models`);
      await page.waitForURL(/\/sign-in\?next=/);
      await page.fill('input[name=username]', username);
      await page.fill('input[name=password]', 'wrong');
      await page.keyboard.press('Enter');
      await page.waitForSelector('[role=alert]');
      await page.fill('input[name=password]', password);
      await page.keyboard.press('Enter');
      await page.waitForURL(`${baseUrl}/${project}/models`);
    },
  },
  {
    name: 'a one-time link signs in and leaves no token in the address',
    signedOut: true,
    mockOnly: true,
    async run({ page }) {
      await page.goto('/sign-in/link#mock-link');
      await page.waitForURL(`${baseUrl}/default`);
      assert.equal(await page.evaluate(() => location.hash), '');
    },
  },
  {
    name: 'j and k move through the jobs and Enter opens one',
    mockOnly: true,
    async run({ page }) {
      await page.goto('/default/jobs');
      await page.waitForSelector('[data-row-link]');
      for (const key of ['j', 'j', 'j', 'k']) {
        await page.keyboard.press(key);
        await page.waitForTimeout(60);
      }
      const focused = await page.evaluate(() => document.activeElement?.textContent);
      assert.equal(focused, await page.locator('[data-row-link]').nth(1).textContent());
      await page.keyboard.press('Enter');
      await page.waitForURL(/\/jobs\/[0-9a-f]{32}/);
    },
  },
  {
    name: 'a filter lives in the address and Back undoes it',
    async run({ page }) {
      await page.goto(`/${project}`);
      await page.goto(`/${project}/jobs?state=failed`);
      await page.waitForSelector('.segment[aria-current]');
      await page.goBack();
      await page.waitForURL(`${baseUrl}/${project}`);
    },
  },
  {
    name: 'a long list holds only the rows in view and loads more on the way down',
    mockOnly: true,
    async run({ page }) {
      await page.goto('/default/jobs');
      await page.waitForSelector('[data-row-link]');
      assert.ok((await page.locator('tbody tr[data-index]').count()) < 80);
      for (let turn = 0; turn < 12; turn++) {
        await page.evaluate(() => document.getElementById('main').scrollBy(0, 4000));
        await page.waitForTimeout(120);
      }
      const last = await page.locator('tbody tr[data-index]').last().getAttribute('data-index');
      assert.ok(Number(last) > 200, `reached row ${last}`);
    },
  },
  {
    name: 'the palette finds a job by part of its name',
    mockOnly: true,
    async run({ page }) {
      await page.goto('/default');
      await page.waitForSelector('h1');
      await page.keyboard.press('Control+k');
      await page.fill('[role=combobox]', 'churn xgb');
      await page.waitForSelector('[role=option] >> text=churn-xgboost');
      await page.keyboard.press('Enter');
      await page.waitForURL(/\/jobs\/|\/models\//);
    },
  },
  {
    name: 'the language changes at once and stays',
    async run({ page }) {
      await page.goto(`/${project}/jobs`);
      await page.click('.rail-foot >> text=한국어');
      await page.waitForSelector('h1 >> text=작업');
      await page.reload();
      await page.waitForSelector('h1 >> text=작업');
      assert.equal(await page.evaluate(() => document.documentElement.lang), 'ko');
    },
  },
  {
    name: 'a new job is queued, appears in the list, logs live and stops',
    async run({ page }) {
      await page.goto(`/${project}/jobs/new`);
      await page.fill('textarea >> nth=0', `sh -c 'while true; do echo tick; sleep 1; done'`);
      await page.click('form button[type=submit]');
      await page.waitForURL(/\/jobs\/[0-9a-f]{32}/);
      await page.waitForSelector('.state.running');
      await page.waitForSelector('.log-line');
      const before = Number(await page.locator('.log-line').last().getAttribute('data-index'));
      await page.waitForFunction(
        (count) =>
          Number([...document.querySelectorAll('.log-line')].at(-1)?.getAttribute('data-index')) >
          count,
        before,
        { timeout: 30_000 },
      );
      await page.click('.page-actions button');
      await page.waitForSelector('.page-meta .state.still');
    },
  },
  {
    name: 'a log of 120,000 lines opens at its end, scrolls, and is searched without a pause',
    mockOnly: true,
    async run({ page, context }) {
      const jobs = await context.request.get('/api/v1/projects/default/jobs?page_size=20');
      const job = (await jobs.json()).items.find((one) => one.name === 'long-log');
      await page.goto(`/default/jobs/${job.id}`);
      await page.waitForSelector('.log-line >> text=batch 120000');
      assert.ok((await page.locator('.log-line').count()) < 200);
      const start = Date.now();
      while ((await page.locator('.log-earlier button').count()) > 0) {
        const label = await page.locator('.log-earlier button').textContent();
        await page.click('.log-earlier button');
        await page.waitForFunction(
          (old) => document.querySelector('.log-earlier button')?.textContent !== old,
          label,
        );
      }
      console.log(`    whole log read in ${Date.now() - start} ms`);
      const searching = Date.now();
      await page.fill('.log-search input', 'batch 777 ');
      await page.waitForSelector('.log-bar >> text=1 / 1');
      await page.keyboard.press('Enter');
      await page.waitForSelector('.log-line.current mark');
      console.log(`    searched in ${Date.now() - searching} ms`);
    },
  },
  {
    name: 'links of MLflow’s interface lead to the run, at the root and below a project’s base URL',
    mockOnly: true,
    async run({ page, context }) {
      const run = await firstOf(context, 'runs?page_size=1');
      for (const start of ['/', `/p/${project}/`]) {
        await page.goto(`${start}#/experiments/${run.experiment_id}/runs/${run.id}`);
        await page.waitForURL(`${baseUrl}/${project}/runs/${run.id}`);
        await page.waitForSelector(`h1 >> text=${run.name}`);
        await page.goto('about:blank');
      }
    },
  },
  {
    name: 'runs are filtered, sorted, chosen and compared',
    mockOnly: true,
    async run({ page }) {
      await page.goto('/default/experiments/iris');
      await page.waitForSelector('[data-row-link]');
      await page.fill('.run-filter', 'metrics.accuracy > 0.9');
      await page.keyboard.press('Enter');
      await page.waitForURL(/filter=/);
      await page.click('th button:has-text("accuracy")');
      await page.waitForURL(/order=metrics.accuracy/);
      await page.waitForSelector('th[aria-sort=descending] >> text=accuracy');
      await page.locator('tbody input[type=checkbox]').nth(0).check();
      await page.locator('tbody input[type=checkbox]').nth(1).check();
      await page.click('.toolbar a.primary');
      await page.waitForSelector('.compare-table .differs');
      await page.waitForSelector('.chart canvas');
    },
  },
  {
    name: 'an alias moves, a model deploys, and its endpoint answers',
    mockOnly: true,
    async run({ page }) {
      await page.goto('/default/models/iris?version=3');
      await page.click('text=Add alias');
      await page.fill('[role=dialog] input', 'champion');
      await page.keyboard.press('Enter');
      await page.waitForSelector('.chip >> text=@champion');
      await page.click('.section-head >> text=Deploy');
      await page.fill('[role=dialog] input >> nth=0', 'iris-three');
      await page.click('[role=dialog] .primary');
      await page.waitForURL(/\/endpoints\/iris-three/);
      await page.waitForSelector('.page-meta .state.good');
      await page.click('form .primary');
      await page.waitForSelector('.code-block >> text=predictions');
    },
  },
  {
    name: 'a token is shown once and can be revoked',
    async run({ page }) {
      await page.goto('/settings/tokens');
      await page.fill('.inline-form input', 'portal-check');
      await page.click('.inline-form button');
      await page.waitForSelector('.secret code >> text=maru_');
      await page.click('[aria-label="Revoke portal-check"] >> nth=0');
      await page.waitForSelector('.secret', { state: 'detached' });
    },
  },
];

const browser = await openBrowser();
let failures = 0;
for (const one of cases) {
  if (one.mockOnly === true && !isMock) continue;
  if (only !== undefined && !only.test(one.name)) continue;
  const { context, page, complaints } = await openWindow(browser, { signedOut: one.signedOut });
  page.setDefaultTimeout(timeoutMs);
  const start = Date.now();
  try {
    await one.run({ page, context });
    const broken = complaints.filter((text) => !/Failed to load resource/.test(text));
    assert.deepEqual(broken, []);
    console.log(`ok   ${one.name} (${Date.now() - start} ms)`);
  } catch (error) {
    failures += 1;
    console.log(
      `FAIL ${one.name}\n     ${String(error).split('\n').slice(0, 12).join('\n     ')}\n     at ${page.url()}`,
    );
  }
  await context.close();
}
await browser.close();
process.exitCode = failures === 0 ? 0 : 1;
