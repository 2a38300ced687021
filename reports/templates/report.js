"use strict";
(() => {
  const { charts, themes } = JSON.parse(document.getElementById("chart-data").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const drawn = new Map();

  async function draw(element) {
    const scheme = dark.matches ? "dark" : "light";
    drawn.get(element)?.finalize();
    // The interpreter stands in for generated code, which the page's own policy forbids.
    const view = await vegaEmbed(element, charts[element.dataset.chart], {
      config: themes[scheme],
      renderer: "svg",
      actions: false,
      ast: true,
      tooltip: { theme: scheme },
      logLevel: 1,
    });
    drawn.set(element, view);
    element.closest("figure").classList.add("drawn");
  }

  async function drawAll() {
    for (const element of document.querySelectorAll(".live")) await draw(element);
    document.documentElement.dataset.drawn = dark.matches ? "dark" : "light";
  }

  function filter(box) {
    const section = box.closest("section");
    const hits = box.querySelector(".hits");
    const folds = [...section.querySelectorAll("details.fold")];
    box.hidden = false;
    box.querySelector("input").addEventListener("input", (event) => {
      const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
      let found = 0;
      for (const fold of folds) {
        let here = 0;
        for (const row of fold.querySelectorAll("tbody tr")) {
          const text = row.textContent.toLowerCase();
          row.hidden = !words.every((word) => text.includes(word));
          if (!row.hidden) here += 1;
        }
        fold.hidden = here === 0;
        fold.open = words.length > 0 && here > 0;
        found += here;
      }
      hits.textContent = words.length > 0 ? `${found} found` : "";
    });
  }

  function follow() {
    const links = new Map(
      [...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]),
    );
    const seen = new Set();
    const observer = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) {
          if (isIntersecting) seen.add(target.id);
          else seen.delete(target.id);
        }
        const current = [...links.keys()].find((name) => seen.has(name));
        for (const [name, link] of links) {
          if (name === current) link.setAttribute("aria-current", "true");
          else link.removeAttribute("aria-current");
        }
      },
      { rootMargin: "-15% 0px -70% 0px" },
    );
    for (const section of document.querySelectorAll("main > section")) observer.observe(section);
  }

  function unfoldOnPaper() {
    let unfolded = [];
    addEventListener("beforeprint", () => {
      unfolded = [...document.querySelectorAll("details.fold:not([open])")];
      for (const fold of unfolded) fold.open = true;
    });
    addEventListener("afterprint", () => {
      for (const fold of unfolded) fold.open = false;
    });
  }

  document.querySelectorAll(".filter").forEach(filter);
  unfoldOnPaper();
  follow();
  drawAll();
  dark.addEventListener("change", drawAll);
})();
