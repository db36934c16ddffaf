"use strict";
const csrf = document.body.dataset.csrf;

for (const button of document.querySelectorAll("button.copy")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.previousElementSibling.textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}

// The preview follows what is typed: the plan at once, events when the typing has paused for longer.
const form = document.getElementById("exclusion-form");
if (form) {
  const panel = document.querySelector(".preview");
  const parts = { plan: 300, events: 1200 };
  const timers = {};
  const running = {};
  const show = async (part) => {
    running[part]?.abort();
    running[part] = new AbortController();
    const place = document.getElementById(`preview-${part}`);
    panel.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(`/exclusions/preview/${part}`, {
        method: "POST", body: new FormData(form), headers: { "x-csrf-token": csrf }, signal: running[part].signal,
      });
      if (answer.ok) place.innerHTML = await answer.text();
      else if (answer.status === 401 || answer.redirected) location.assign("/login");
    } catch (error) {
      if (error.name !== "AbortError") place.textContent = "The console does not answer: try again.";
    } finally {
      panel.removeAttribute("aria-busy");
    }
  };
  const ask = () => {
    for (const [part, wait] of Object.entries(parts)) {
      clearTimeout(timers[part]);
      timers[part] = setTimeout(() => show(part), wait);
    }
  };
  form.addEventListener("input", (event) => { if (!event.target.name.startsWith("add.")) ask(); });
  // A value that was chosen or typed beside a field goes into the field.
  const take = (input) => {
    const area = form.elements[input.name.slice(4)];
    const value = input.value.trim();
    if (!value) return;
    const lines = area.value.split("\n").filter((line) => line.trim());
    if (!lines.includes(value)) area.value = [...lines, value].join("\n");
    input.value = "";
    area.dispatchEvent(new Event("input", { bubbles: true }));
  };
  for (const input of form.querySelectorAll("input[name^='add.']")) {
    input.addEventListener("change", () => take(input));
    input.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); take(input); } });
  }
  for (const area of form.querySelectorAll("textarea:not(.code)")) {
    const grow = () => { area.rows = Math.min(Math.max(area.value.split("\n").length, 1), 12); };
    area.addEventListener("input", grow);
  }
  if ([...form.querySelectorAll("textarea, input")].some((one) => one.name !== "rules" && one.value && one.tagName === "TEXTAREA")) show("events");
}

const selecting = document.querySelector("form.selecting");
if (selecting) {
  const boxes = [...selecting.querySelectorAll("input[name=id]")];
  const all = selecting.querySelector("input.all");
  const count = selecting.querySelector(".count");
  const tell = () => {
    const ticked = boxes.filter((one) => one.checked).length;
    if (count) { count.hidden = false; count.textContent = `${ticked} of ${boxes.length} on this page selected`; }
    if (all) { all.hidden = false; all.checked = ticked === boxes.length; all.indeterminate = ticked > 0 && ticked < boxes.length; }
  };
  all?.addEventListener("change", () => { for (const one of boxes) one.checked = all.checked; tell(); });
  selecting.addEventListener("change", tell);
  if (boxes.length) tell();
}

const rows = document.querySelector("form.rows");
if (rows) {
  const count = rows.querySelector(".count");
  rows.addEventListener("change", (event) => {
    const ticked = event.target;
    // The same value in other rows is ticked along: it is the same exclusion.
    for (const other of rows.querySelectorAll("input[name=pick]")) {
      if (other.value === ticked.value) other.checked = ticked.checked;
    }
    const values = new Set([...rows.querySelectorAll("input:checked")].map((one) => one.value));
    if (count) count.textContent = values.size ? `${values.size} value${values.size === 1 ? "" : "s"} ticked` : "";
  });
  rows.addEventListener("submit", () => {
    const seen = new Set();
    for (const one of rows.querySelectorAll("input:checked")) {
      if (seen.has(one.value)) one.disabled = true;
      seen.add(one.value);
    }
  });
}

const progress = document.querySelector(".progress[data-events]");
if (progress) {
  const source = new EventSource(progress.dataset.events);
  source.addEventListener("message", (event) => {
    const { status, message } = JSON.parse(event.data);
    progress.querySelector(".status").textContent = status;
    progress.querySelector(".message").textContent = message;
  });
  source.addEventListener("end", () => { source.close(); location.reload(); });
}
