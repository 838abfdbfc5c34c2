"use strict"; // The theme, the menu, copy buttons, and a search for any part of any name. Every page works without it.
(() => {
  const root = document.currentScript.dataset.root;
  const tools = document.querySelector(".tools");

  function make(tag, properties = {}, ...inside) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...inside);
    return element;
  }

  // Theme
  const wantsDark = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => document.documentElement.dataset.theme || (wantsDark.matches ? "dark" : "light");
  const themeButton = make("button", { type: "button", className: "theme" });
  function showTheme() {
    themeButton.textContent = theme() === "dark" ? "Light" : "Dark";
    themeButton.ariaLabel = `Use the ${theme() === "dark" ? "light" : "dark"} theme`;
  }
  themeButton.onclick = () => {
    document.documentElement.dataset.theme = theme() === "dark" ? "light" : "dark";
    try { localStorage.setItem("theme", theme()); } catch { /* then it lasts as long as the page */ }
    showTheme();
  };
  wantsDark.addEventListener("change", showTheme);
  showTheme();

  // The menu is open beside a page, and closed above it.
  const menu = document.querySelector(".menu details");
  const isWide = matchMedia("(min-width: 60rem)");
  const showMenu = () => { menu.open = isWide.matches; };
  isWide.addEventListener("change", showMenu);
  showMenu();
  const current = menu.querySelector("[aria-current]");
  if (current && isWide.matches) {
    const nav = menu.parentElement;
    nav.scrollTop = current.offsetTop - nav.clientHeight / 3;
  }

  for (const block of document.querySelectorAll("pre:not(.source)")) {
    const button = make("button", { type: "button", className: "copy" }, "Copy");
    button.onclick = async () => {
      const text = block.querySelector("code").textContent;
      try { await navigator.clipboard.writeText(text); } catch {
        const area = make("textarea", { value: text });
        document.body.append(area);
        area.select();
        document.execCommand("copy");
        area.remove();
      }
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    };
    block.append(button);
  }

  // Search
  const KINDS = ["ID", "message", "field", "value", "rpc", "service", "enum", "oneof", "rule", "package", "option", "guide"];
  const SHOWN = 50;
  let entries;
  let hits = [];
  let chosen = 0;

  const load = () => entries ? Promise.resolve() : new Promise((resolve, reject) => {
    document.head.append(make("script", { src: `${root}assets/index.js`, onload: resolve, onerror: reject }));
  }).then(() => {
    entries = window.stigmerIndex.map(([kind, name, place, url, other, about]) => ({
      kind, name, place, url, about,
      own: name.toLowerCase(),
      around: `${place}.${name} ${place} ${kind} ${other}`.toLowerCase(),
      text: about.toLowerCase(),
    }));
  });

  // A word counts by where it is found: the whole name, its beginning, a part of it, the names around it, the text.
  function scoreWord(entry, word) {
    const at = entry.own.indexOf(word);
    if (entry.own === word) return 100;
    if (at === 0) return 60;
    if (at > 0) return /[a-z0-9]/.test(entry.own[at - 1]) ? 35 : 45;
    if (entry.around.split(" ").includes(word)) return 55;
    if (entry.around.includes(word)) return 20;
    return entry.text.includes(word) ? 10 : 0;
  }

  function score(entry, words) {
    const scores = words.map(word => scoreWord(entry, word));
    if (scores.includes(0)) return 0;
    const [phrase, joined] = [words.join(" "), words.join("_")];
    const inOwn = entry.own.includes(phrase) || entry.own.includes(joined);
    const whole = entry.own === phrase ? 100 : inOwn ? 40 : entry.text.includes(phrase) ? 12 : 0;
    const sum = scores.reduce((a, b) => a + b) / scores.length + (words.length > 1 ? whole : 0);
    return sum - KINDS.indexOf(entry.kind) / 4 - entry.own.length / 50;
  }

  const wordsOf = query => query.toLowerCase().split(/\s+/).filter(Boolean);

  function find(query) {
    const words = wordsOf(query);
    if (!words.length) return [];
    return entries.map(entry => [score(entry, words), entry]).filter(([points]) => points > 0)
      .sort((a, b) => b[0] - a[0]).map(([, entry]) => entry);
  }

  function marked(text, words) {
    const parts = make("span");
    const low = text.toLowerCase();
    let at = 0;
    while (at < text.length) {
      const found = words.map(word => [low.indexOf(word, at), word.length]).filter(([i]) => i >= 0).sort((a, b) => a[0] - b[0] || b[1] - a[1])[0];
      if (!found) break;
      parts.append(text.slice(at, found[0]), make("mark", {}, text.slice(found[0], found[0] + found[1])));
      at = found[0] + found[1];
    }
    parts.append(text.slice(at));
    return parts;
  }

  const input = make("input", { type: "search", placeholder: "Any part of a name: a field, value, RPC, rule …", autocomplete: "off", spellcheck: false, role: "combobox", ariaLabel: "Search the reference", ariaExpanded: "true", ariaAutoComplete: "list" });
  input.setAttribute("aria-controls", "search-hits");
  const state = make("p", { className: "state", role: "status" });
  const list = make("div", { className: "hits", id: "search-hits", role: "listbox", ariaLabel: "Results", tabIndex: 0 });
  const dialog = make("dialog", { className: "search", ariaLabel: "Search" }, input, state, list);
  document.body.append(dialog);

  function choose(i) {
    if (!hits.length) { input.removeAttribute("aria-activedescendant"); return; }
    list.children[chosen]?.setAttribute("aria-selected", "false");
    chosen = (i + hits.length) % hits.length;
    list.children[chosen].setAttribute("aria-selected", "true");
    list.children[chosen].scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", `hit-${chosen}`);
  }

  function show() {
    const words = wordsOf(input.value);
    const found = find(input.value);
    hits = found.slice(0, SHOWN);
    list.replaceChildren(...hits.map((hit, i) => make("a", { href: root + hit.url, id: `hit-${i}`, tabIndex: -1, role: "option", ariaSelected: "false", onclick: () => dialog.close() },
      make("span", { className: "what" }, hit.kind), make("b", {}, marked(hit.name, words)),
      make("span", { className: "where" }, marked(hit.place, words)), make("span", { className: "about" }, marked(hit.about, words)))));
    state.textContent = !words.length ? "Enter opens the first result; arrow keys choose another." : found.length ? `${found.length} found` : "Nothing found. Try a part of the name.";
    chosen = 0;
    choose(0);
  }

  const open = () => load().then(() => { if (!dialog.open) dialog.showModal(); input.select(); show(); });
  input.addEventListener("input", show);
  dialog.addEventListener("click", event => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("keydown", event => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) { event.preventDefault(); choose(chosen + step); }
    if (event.key === "Enter" && hits.length) { event.preventDefault(); list.children[chosen].click(); }
  });
  document.addEventListener("keydown", event => {
    const types = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if ((event.key === "k" && (event.ctrlKey || event.metaKey)) || (event.key === "/" && !types)) { event.preventDefault(); open(); }
  });
  tools.append(make("button", { type: "button", className: "find", onclick: open }, "Search ", make("kbd", {}, "/")), themeButton);
})();
