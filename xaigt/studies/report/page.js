"use strict";
for (const root of document.querySelectorAll("[data-gallery]")) {
  const data = JSON.parse(document.getElementById(root.dataset.gallery).textContent);
  const form = root.querySelector("form");
  const { method, stage, map, outline } = form.elements;
  const status = root.querySelector(".status");
  const stages = () => {
    const before = stage.value;
    const known = data.methods[method.value];
    stage.replaceChildren(...known.map((name) => new Option(name, name)));
    stage.value = known.includes(before) ? before : data.opens[method.value];
    stage.disabled = known.length < 2;
  };
  const show = () => {
    let shown = 0;
    for (const tile of root.querySelectorAll("[data-key]")) {
      const key = [tile.dataset.key, method.value, stage.value, tile.dataset.sample].join("/");
      const picture = tile.querySelector(".map");
      const address = data.maps[key];
      picture.hidden = !(address && map.checked);
      if (address) {
        picture.src = address;
        picture.alt = `${picture.dataset.words}: map of ${method.value} at ${stage.value}`;
        shown += 1;
      } else {
        picture.removeAttribute("src");
      }
      const score = data.scores[key];
      tile.querySelector(".score").textContent = score === undefined ? "no score" : `${data.metric} ${score.toFixed(3)}`;
    }
    for (const line of root.querySelectorAll(".outline")) line.style.display = outline.checked ? "" : "none";
    const meanings = {
      relu: "yellow to red speaks for the class", abs: "yellow to red is strength, whatever its sign",
      signed: "yellow to red speaks for the class, blue against it",
    };
    const key = root.querySelector(".key");
    key.className = `key ${data.signs[method.value] ?? "relu"}`;
    key.hidden = !map.checked;
    status.textContent = `${shown} maps of ${method.value} at ${stage.value}, each on its own scale: ` +
      `${meanings[data.signs[method.value]] ?? meanings.relu}.`;
  };
  method.addEventListener("change", () => { stages(); show(); });
  for (const control of [stage, map, outline]) control.addEventListener("change", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  stages();
  show();
}
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const parts = button.dataset.copy.split(" ").map((id) => document.getElementById(id));
    const text = parts.map((part) => part.tagName === "OL"
      ? [...part.children].map((item, place) => `[${place + 1}] ${item.textContent.trim()}`).join("\n")
      : part.textContent.trim()).join("\n\n");
    const status = button.parentElement.querySelector(".status");
    try {
      await navigator.clipboard.writeText(text);
      status.textContent = "Copied.";
    } catch {
      const range = document.createRange();
      range.setStartBefore(parts[0]);
      range.setEndAfter(parts[parts.length - 1]);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      status.textContent = "Selected: press Ctrl+C.";
    }
  });
}
const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
const visible = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    for (const link of links.values()) link.removeAttribute("aria-current");
    links.get(entry.target.id)?.setAttribute("aria-current", "true");
  }
}, { rootMargin: "-10% 0px -80% 0px" });
for (const id of links.keys()) visible.observe(document.getElementById(id));
