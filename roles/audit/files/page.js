/*
Copyright (c) 2026, the cloudimage.glance contributors
GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later

Sorts, filters and folds the table of images. Without it, the page shows everything. Images come with the worst first.
*/
"use strict";

(() => {
  const table = document.getElementById("table");
  if (!table) return;

  const tools = document.querySelector(".tools");
  const nothing = document.querySelector(".nothing");
  const images = [...table.tBodies];
  const heads = [...table.tHead.rows[0].cells];
  const marks = new Map([...document.querySelectorAll("[data-for]")].map((mark) => [mark.dataset.for, mark]));
  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

  // Order

  // What is not set comes last in ascending order; runs of digits count as numbers.
  const compare = (a, b) => (a === "") - (b === "") || collator.compare(a, b);

  function order(key, direction) {
    const column = heads.findIndex((head) => head.dataset.key === key);
    const value = (image) => image.rows[0].cells[column].dataset.value;
    const sign = direction === "descending" ? -1 : 1;
    images.sort((a, b) => sign * compare(value(a), value(b)));
    table.append(...images);
    for (const head of heads) {
      if (head.dataset.key === key) head.setAttribute("aria-sort", direction);
      else head.removeAttribute("aria-sort");
    }
    tools.elements.order.value = `${key} ${direction}`;
  }

  for (const head of heads) {
    const key = head.dataset.key;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const first = head.dataset.first || "ascending";
      const other = first === "ascending" ? "descending" : "ascending";
      order(key, head.getAttribute("aria-sort") === first ? other : first);
    });
    for (const [direction, word] of [["ascending", "\u2191"], ["descending", "\u2193"]]) {
      tools.elements.order.add(new Option(`${button.textContent} ${word}`, `${key} ${direction}`));
    }
  }
  tools.elements.order.addEventListener("change", (event) => order(...event.target.value.split(" ")));

  // Filters

  function wanted(image) {
    const { words, cloud, finding, status } = tools.elements;
    const found = image.dataset.findings.split(" ").filter(Boolean);
    if (cloud && cloud.value && image.dataset.cloud !== cloud.value) return false;
    if (status.value && image.dataset.status !== status.value) return false;
    if (finding.value === "*" && !found.length) return false;
    if (finding.value === "-" && found.length) return false;
    if (!["", "*", "-"].includes(finding.value) && !found.includes(finding.value)) return false;
    return words.value.toLowerCase().split(/\s+/).every((word) => image.dataset.words.includes(word));
  }

  function filter() {
    let shown = 0;
    for (const image of images) {
      image.hidden = !wanted(image);
      shown += !image.hidden;
      marks.get(image.id)?.classList.toggle("off", image.hidden);
    }
    nothing.hidden = shown > 0;
    tools.querySelector("output").textContent =
      shown === images.length ? `${shown} images` : `${shown} of ${images.length} images`;
  }

  tools.addEventListener("input", filter);
  tools.addEventListener("submit", (event) => event.preventDefault());
  tools.addEventListener("reset", () => setTimeout(filter));

  // Details

  function fold(image, open) {
    image.classList.toggle("open", open);
    image.querySelector(".name button").setAttribute("aria-expanded", String(open));
  }

  for (const image of images) {
    const name = image.querySelector(".name");
    const button = document.createElement("button");
    button.type = "button";
    button.append(...name.childNodes);
    name.append(button);
    fold(image, false);
    image.rows[0].addEventListener("click", () => {
      if (String(document.getSelection()) === "") fold(image, !image.classList.contains("open"));
    });
  }

  function arrive() {
    const image = images.find((each) => `#${each.id}` === location.hash);
    if (!image) return;
    if (image.hidden) {
      tools.reset();
      for (const each of images) each.hidden = false;
    }
    fold(image, true);
    image.scrollIntoView({ block: "center" });
    image.querySelector(".name button").focus({ preventScroll: true });
  }

  addEventListener("hashchange", arrive);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#image-']");
    if (link && link.getAttribute("href") === location.hash) arrive();
  });

  addEventListener("beforeprint", () => {
    for (const group of document.querySelectorAll("details")) group.open = true;
  });

  document.documentElement.classList.add("scripted");
  tools.hidden = false;
  order("findings", "descending");
  filter();
  arrive();
})();
