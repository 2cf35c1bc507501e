// Comforts of the app editor: lists ordered without a new page, names proposed while typing. All works without it.

// Lists of parts: dragged by the handle, or moved by their buttons.
for (const form of document.querySelectorAll("form[data-order]")) {
  const list = form.querySelector("ol.parts");
  const place = (row) => [...list.children].indexOf(row) + 1;
  const called = (row) => row.querySelector("a, label").textContent.trim();

  // One after the other: of two that are under way at once, the older could be the last to be kept.
  let kept = Promise.resolve();

  // Without a server to tell ("here"), the order is sent with the form that the list is part of.
  function keep(row) {
    say.textContent = `${called(row)}: ${place(row)} / ${list.children.length}`;
    if (form.dataset.order !== "here") kept = kept.then(send);
  }

  async function send() {
    try {
      const answer = await fetch(form.action, { method: "POST", body: new FormData(form) });
      if (!answer.ok) throw new Error(answer.statusText);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      document.querySelector("#draft").replaceWith(page.querySelector("#draft"));
    } catch {
      location.reload();
    }
  }

  list.addEventListener("click", (event) => {
    const button = event.target.closest("button[name=move]");
    if (!button) return;
    event.preventDefault();
    const row = button.closest("li");
    const other = button.value.endsWith(" up") ? row.previousElementSibling : row.nextElementSibling;
    if (!other) return;
    if (button.value.endsWith(" up")) other.before(row);
    else other.after(row);
    button.focus();
    keep(row);
  });

  for (const grip of list.querySelectorAll(".grip")) {
    const row = grip.closest("li");
    let before = 0;
    grip.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      event.preventDefault();
      before = place(row);
      grip.setPointerCapture(event.pointerId);
      row.classList.add("dragged");
    });
    grip.addEventListener("pointermove", (event) => {
      if (!grip.hasPointerCapture(event.pointerId)) return;
      for (const other of list.children) {
        const box = other.getBoundingClientRect();
        if (other === row || event.clientY < box.top || event.clientY > box.bottom) continue;
        // Only past the middle, so that rows of different heights do not jump to and fro.
        const down = place(other) > place(row);
        const past = event.clientY > box.top + box.height / 2;
        // The others are moved around the row: one that is moved itself lets go of the pointer.
        if (down && past) while (place(other) > place(row)) row.before(row.nextElementSibling);
        if (!down && !past) while (place(other) < place(row)) row.after(row.previousElementSibling);
        break;
      }
    });
    const drop = () => {
      row.classList.remove("dragged");
      if (before && before !== place(row)) keep(row);
      before = 0;
    };
    grip.addEventListener("pointerup", drop);
    grip.addEventListener("pointercancel", drop);
  }
}

// All fields of an operation ticked, or none; and how many are.
for (const told of document.querySelectorAll("[data-ticked]")) {
  const form = told.closest("form");
  const boxes = [...form.querySelectorAll("input[name=sets]")];
  const count = () => {
    const ticked = boxes.filter((box) => box.checked).length;
    told.textContent = told.dataset.ticked.replace("{ticked}", ticked).replace("{all}", boxes.length);
  };
  form.addEventListener("change", count);
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button[name=tick]");
    if (!button) return;
    event.preventDefault();
    for (const box of boxes) box.checked = button.value === "all";
    count();
  });
  count();
}

// The name that the server would make of the label, shown before anything is sent (names.propose).
function propose(label) {
  const words = label.split(/[^A-Za-z0-9]+/).map((word) => (
    word.length > 1 && word === word.toUpperCase() && /[A-Z]/.test(word) ? word[0] + word.slice(1).toLowerCase() : word
  ));
  const joined = words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join("").replace(/^[0-9]+/, "");
  return (joined.slice(0, 1).toUpperCase() + joined.slice(1)).slice(0, 63);
}

for (const name of document.querySelectorAll("[data-name-of]")) {
  const label = document.getElementById(name.dataset.nameOf);
  if (!label || name.value) continue;
  const show = () => { name.placeholder = propose(label.value); };
  label.addEventListener("input", show);
  show();
}

// A colour for each choice that is typed.
for (const tones of document.querySelectorAll("[data-tones]")) {
  const choices = tones.closest("form").querySelector("[data-choices]");
  const template = tones.querySelector("template");
  choices.addEventListener("input", () => {
    const kept = new Map([...tones.querySelectorAll("select")].map((one) => [one.name, one.value]));
    const typed = new Set(choices.value.split("\n").map((line) => line.trim()).filter(Boolean));
    for (const old of tones.querySelectorAll(":scope > label, :scope > p")) old.remove();
    for (const choice of typed) {
      const row = template.content.cloneNode(true);
      row.querySelector("span").textContent = choice;
      const select = row.querySelector("select");
      select.name = `tone:${choice}`;
      select.value = kept.get(select.name) ?? "";
      tones.append(row);
    }
  });
}

// Something new begins with its label; a phone would cover half the page with its keyboard.
if (!phone.matches && !document.querySelector("form [aria-invalid=true]")) {
  document.querySelector("[data-focus]")?.focus({ preventScroll: true });
}

// On a phone the tabs do not all fit: the one that is shown is brought into sight.
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
