// Opens the pages of the site in Debian's chromium, as a reader would, and prints a JSON report of what it saw.
// The test decides what is right: `node browse.mjs <settings.json>`.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const { site, browser: executablePath, pages, queries, workers } = JSON.parse(readFileSync(process.argv[2]));
const AXE = new URL("node_modules/axe-core/axe.min.js", import.meta.url).pathname;
const TYPES = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript" };
const BELOW = "/some/where/";

const server = createServer((request, response) => {
  const path = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
  try {
    if (!path.startsWith(BELOW)) throw new Error("outside the site");
    response.setHeader("Content-Type", TYPES[extname(path)] ?? "application/octet-stream");
    response.end(readFileSync(join(site, path.slice(BELOW.length))));
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise(resolve => server.listen(0, "127.0.0.1", resolve));
const SERVED = `http://127.0.0.1:${server.address().port}${BELOW}`;
const FOLDER = `${pathToFileURL(site)}/`;

const report = { visited: {}, outside: [], errors: [], axe: [], overflow: [], hidden: [], lost: [], search: [], theme: [], seconds: {} };
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });

const wide = { viewport: { width: 1280, height: 900 }, colorScheme: "light" };
const phone = { viewport: { width: 390, height: 844 }, colorScheme: "dark" };

async function open(base, options, axe) {
  const context = await browser.newContext(options);
  if (axe) await context.addInitScript({ path: AXE });
  const page = await context.newPage();
  const shown = url => url.replace(base, "");
  page.on("request", request => {
    if (!request.url().startsWith(base) && !request.url().startsWith("data:")) report.outside.push(`${shown(page.url())}: ${request.url()}`);
  });
  page.on("response", response => { if (response.status() >= 400) report.errors.push(`${shown(response.url())}: ${response.status()}`); });
  page.on("requestfailed", request => report.errors.push(`${shown(request.url())}: ${request.failure().errorText}`));
  page.on("console", message => { if (["error", "warning"].includes(message.type())) report.errors.push(`${shown(page.url())}: ${message.text()}`); });
  page.on("pageerror", error => report.errors.push(`${shown(page.url())}: ${error}`));
  return page;
}

// The menu, the larger part of most pages, is the same on the page of a package and on those of its types.
const OF_TYPE = /^reference\/.*\/(?!index\.html)/;

async function inspect(page, where) {
  const exclude = OF_TYPE.test(where) ? [".menu"] : [];
  for (const finding of await page.evaluate(async exclude => (await axe.run({ exclude }, { resultTypes: ["violations"], preload: false })).violations.flatMap(
    ({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${target.join(" ")}: ${failureSummary}`)), exclude)) {
    report.axe.push(`${where}: ${finding}`);
  }
}

// What sticks out of the page sideways; what scrolls by itself may be wide inside.
const sticksOut = () => document.documentElement.scrollWidth <= innerWidth ? [] :
  [...document.body.querySelectorAll("*")].filter(each => each.getBoundingClientRect().right > innerWidth + 1)
    .slice(-1).map(each => each.outerHTML.slice(0, 120));

// The text that a reader can see in no way: in the menu, in the page, or after opening details.
const unseen = () => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (texts.nextNode()) {
    const parent = texts.currentNode.parentElement;
    const summary = parent.closest("details:not([open])")?.querySelector("summary");
    if (!texts.currentNode.data.trim() || parent.closest("script, style, .toc, .overview, summary")) continue;
    const shown = each => each.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && each.getClientRects().length > 0;
    if (!shown(parent) && !(summary && shown(summary))) found.push(`${parent.tagName}: ${texts.currentNode.data.trim().slice(0, 60)}`);
  }
  return found.slice(0, 3);
};

async function pass(name, base, options, look) {
  const left = [...pages];
  report.visited[name] = 0;
  const began = performance.now();
  await Promise.all(Array.from({ length: workers }, async () => {
    const page = await open(base, options, options.javaScriptEnabled !== false);
    for (let url = left.shift(); url; url = left.shift()) {
      await page.goto(base + url);
      await look(page, `${url} (${name})`);
      report.visited[name] += 1;
    }
    await page.context().close();
  }));
  report.seconds[name] = (performance.now() - began) / 1000;
}

// The names in the index that are not those of their first hit, and the parts of names that are not in it.
const lost = () => {
  const input = document.querySelector("dialog input");
  const first = query => {
    input.value = query;
    input.dispatchEvent(new Event("input"));
    return document.querySelector("#search-hits [role=option] b")?.textContent.toLowerCase() ?? "";
  };
  return window.stigmerIndex.map(([, name]) => name.toLowerCase()).filter(name => {
    const part = name.slice(1, -1).trim();
    return first(name) !== name || (part.length > 3 && !first(part).includes(part));
  });
};

async function search(base, options, name) {
  const page = await open(base, options, true);
  for (const query of queries) {
    let milliseconds = Infinity;
    let hits;
    for (let again = 0; again < 2; again += 1) { // the machine may be busy: the better of two
      await page.goto(`${base}index.html`);
      await page.keyboard.press("/");
      await page.waitForSelector("dialog[open] input");
      await page.evaluate(() => {
        window.worst = 0;
        addEventListener("input", () => { window.began = performance.now(); }, true);
        addEventListener("input", () => {
          document.getElementById("search-hits").getBoundingClientRect(); // the layout is part of it
          window.worst = Math.max(window.worst, performance.now() - window.began);
        });
      });
      await page.keyboard.type(query);
      milliseconds = Math.min(milliseconds, await page.evaluate(() => window.worst));
      hits = await page.$$eval("#search-hits [role=option]", (found, start) => found.slice(0, 3).map(each => each.href.slice(start)), base.length);
    }
    if (query === queries[0]) await inspect(page, `search (${name})`);
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => !document.querySelector("dialog[open]")).catch(() => { });
    await page.waitForURL(url => !url.href.endsWith("/index.html"), { timeout: 5000 }).catch(() => { });
    report.search.push({ name, query, milliseconds, hits, opened: page.url().slice(base.length) });
  }
  await page.goto(`${base}index.html`);
  await page.keyboard.press("/");
  await page.waitForSelector("dialog[open] input");
  report.lost.push(...await page.evaluate(lost));
  await page.context().close();
}

async function theme(base, name) {
  const page = await open(base, wide, false);
  const back = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.goto(`${base}index.html`);
  const before = await back();
  await page.focus("button.theme");
  await page.keyboard.press("Enter");
  const chosen = await back();
  await page.goto(`${base}rules.html`);
  report.theme.push({ name, before, chosen, later: await back() });
  await page.context().close();
}

await pass("served, light, 1280 px", SERVED, wide, inspect);
await pass("from a folder, dark, 390 px", FOLDER, phone, async (page, where) => {
  await inspect(page, where);
  await page.setViewportSize({ width: 320, height: 800 });
  for (const each of await page.evaluate(sticksOut)) report.overflow.push(`${where}: ${each}`);
  await page.setViewportSize(phone.viewport);
});
await pass("without JavaScript", SERVED, { ...wide, javaScriptEnabled: false }, async (page, where) => {
  for (const each of await page.evaluate(unseen)) report.hidden.push(`${where}, 1280 px: ${each}`);
  await page.setViewportSize(phone.viewport);
  await page.press(".menu summary", "Enter");
  for (const each of await page.evaluate(unseen)) report.hidden.push(`${where}, 390 px: ${each}`);
  await page.setViewportSize(wide.viewport);
});
for (const [base, options, name] of [[SERVED, wide, "served"], [FOLDER, phone, "from a folder"]]) {
  await search(base, options, name);
  await theme(base, name);
}
await browser.close();
server.close();
console.log(JSON.stringify(report));
