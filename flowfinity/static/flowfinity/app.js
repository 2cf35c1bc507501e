// Small comforts only: every page works without this file.
const root = document.documentElement;
root.classList.add("js");

// What the page says in the person's language; in English where a page has no words of its own.
const word = (name, english) => document.body.dataset[name] || english;

const phone = matchMedia("(max-width: 48rem)");
for (const fold of document.querySelectorAll("details[data-fold]")) {
  if (phone.matches && !fold.querySelector("[aria-invalid=true]")) fold.open = false;
  // Wide pages hide the summary, so what it folds away must come back.
  phone.addEventListener("change", () => { if (!phone.matches) fold.open = true; });
}
// A capture on a phone: what is required first, the rest behind one button.
for (const form of phone.matches ? document.querySelectorAll("form[data-short]") : []) {
  const rest = form.querySelectorAll(".field:not(.must)");
  if (rest.length < 2 || !form.querySelector(".field.must")) continue;
  form.classList.add("short");
  const more = addButton(`${form.dataset.short} (${rest.length})`, form.querySelector(".section:last-of-type"), () => {
    form.classList.remove("short");
    more.remove();
    rest[0].querySelector("input, select, textarea, button")?.focus();
  });
  more.setAttribute("aria-expanded", "false");
}
document.querySelector("form [aria-invalid=true]")?.focus();

const say = document.body.appendChild(document.createElement("div"));
say.className = "unseen";
say.setAttribute("role", "status");

function switchTheme() {
  const shown = getComputedStyle(root).colorScheme;
  const dark = shown === "dark" || (shown !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  const theme = dark ? "light" : "dark";
  document.body.classList.remove("theme-light", "theme-dark");
  root.dataset.theme = theme;
  document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
  say.textContent = document.querySelector("[data-theme-switch]").dataset[theme] || `The page is ${theme} now.`;
}

async function copy(button) {
  const source = button.parentElement.querySelector("code, pre, input");
  const text = button.dataset.copy || source.value || source.textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Outside HTTPS a browser has no clipboard to offer: the old command still works there.
    const area = button.parentElement.appendChild(document.createElement("textarea"));
    area.value = text;
    area.select();
    document.execCommand("copy");
    area.remove();
    button.focus();
  }
  const words = button.textContent;
  button.textContent = say.textContent = word("copied", "Copied");
  setTimeout(() => { button.textContent = words; }, 1600);
}

// Controls that only a browser with a pointer, or one that knows where it is, can offer.
function addButton(words, after, pressed) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", className: "button", textContent: words, onclick: pressed });
  after.after(made);
  return made;
}

if (isSecureContext && navigator.geolocation) for (const place of document.querySelectorAll("input[data-position]")) {
  const words = word("position", "Use my position");
  const ask = addButton(words, place, () => {
    ask.disabled = true;
    ask.textContent = word("looking", "Looking …");
    const done = (said) => {
      ask.disabled = false;
      ask.textContent = words;
      say.textContent = said;
    };
    navigator.geolocation.getCurrentPosition(({ coords }) => {
      place.value = [coords.latitude.toFixed(6), coords.longitude.toFixed(6), Math.round(coords.accuracy)].join(", ");
      done(word("positioned", "Your position is filled in."));
    }, () => {
      done("");
      ask.textContent = say.textContent = word("lost", "Your position is not known");
    }, { enableHighAccuracy: true, timeout: 20000 });
  });
  place.parentElement.classList.add("with-button");
}

for (const file of document.querySelectorAll("input[data-pad]")) {
  const pad = document.createElement("canvas");
  const pen = pad.getContext("2d");
  Object.assign(pad, { width: 600, height: 200, className: "pad", title: word("sign", "Sign here with a pen, a finger or the mouse") });
  pad.setAttribute("aria-hidden", "true");
  // Where there is a signature already, the pad waits until somebody wants to sign again.
  pad.hidden = Boolean(file.parentElement.querySelector(".file"));
  file.before(pad);
  function wipe() {
    // White paper in either theme: the picture is a document.
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, pad.width, pad.height);
  }
  const at = ({ offsetX, offsetY }) => [offsetX * pad.width / pad.clientWidth, offsetY * pad.height / pad.clientHeight];
  wipe();
  Object.assign(pen, { lineWidth: 3, lineCap: "round", lineJoin: "round", strokeStyle: "#18202b" });
  pad.onpointerdown = (event) => {
    pad.setPointerCapture(event.pointerId);
    pen.beginPath();
    pen.moveTo(...at(event));
  };
  pad.onpointermove = (event) => {
    if (!pad.hasPointerCapture(event.pointerId)) return;
    pen.lineTo(...at(event));
    pen.stroke();
  };
  pad.onpointerup = () => pad.toBlob((blob) => {
    const chosen = new DataTransfer();
    chosen.items.add(new File([blob], "signature.png", { type: blob.type }));
    file.files = chosen.files;
  });
  addButton(word("again", "Sign again"), pad, () => {
    wipe();
    pad.hidden = false;
    file.value = "";
  }).classList.add("quiet");
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.matches("[data-theme-switch]")) switchTheme();
  if (button?.matches("[data-copy]")) copy(button);
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.querySelector("details.menu[open]");
  if (menu) {
    menu.open = false;
    menu.firstElementChild.focus();
  }
});
document.addEventListener("submit", (event) => {
  const form = event.target;
  const words = event.submitter?.dataset.confirm || form.dataset.confirm;
  if (words && !confirm(words)) return event.preventDefault();
  // A half-typed date or number reads as empty to the server: only the browser can still tell the two apart.
  const unread = [...form.elements].find((control) => control.validity?.badInput);
  if (unread) {
    event.preventDefault();
    return unread.reportValidity();
  }
  if (form.matches("[data-retry]")) {
    event.preventDefault();
    if (!form.sending) send(form);
  }
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});
document.addEventListener("htmx:afterSettle", () => {
  const rows = document.getElementById("rows");
  if (rows) say.textContent = rows.dataset.said;
});

// A long page of folded groups, narrowed to what has the typed words in its name.
for (const find of document.querySelectorAll("input[data-narrow]")) {
  const groups = [...document.querySelectorAll(find.dataset.narrow)];
  const opened = new Set(groups.filter((group) => group.open));
  find.addEventListener("input", () => {
    const words = find.value.trim().toLowerCase();
    const named = (name) => name.textContent.toLowerCase().includes(words);
    for (const group of groups) {
      const whole = named(group.querySelector("summary h2"));
      const rows = [...group.querySelectorAll(".endpoint")];
      for (const row of rows) row.hidden = !whole && !named(row.querySelector("h3"));
      group.hidden = rows.every((row) => row.hidden);
      group.open = words ? !group.hidden : opened.has(group);
    }
    const left = groups.filter((group) => !group.hidden).length;
    const none = document.getElementById("not-found");
    none.hidden = left > 0;
    say.textContent = left ? `${left} / ${groups.length}` : none.textContent;
  });
}

// Of some five hundred time zones, the one that the device is in stands first.
for (const zone of document.querySelectorAll("select[data-zone]")) {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const found = [...zone.options].find((option) => option.value === here);
  if (!found) continue;
  const group = document.createElement("optgroup");
  group.label = zone.dataset.zone;
  group.append(new Option(found.text, here, false, found.selected));
  zone.options[0].after(group);
}

// A form with an id of its own is sent until it is known to have arrived: the id makes it count once. The entry is
// kept in this window meanwhile, so that neither a reload nor a new log-in loses it; files are not.
const kept = (form) => `entry ${form.dataset.retry} ${location.pathname}${location.search}`;

function keep(form) {
  const entry = [...new FormData(form)].map(([name, value]) => [name, typeof value === "string" ? value : null]);
  try {
    sessionStorage.setItem(kept(form), JSON.stringify(entry));
  } catch {
    // A window without storage, or one that is full: the page itself still holds the entry.
  }
}

async function send(form) {
  form.sending = true;
  keep(form);
  const notice = form.querySelector(".retry");
  const body = form.enctype === "multipart/form-data" ? new FormData(form) : new URLSearchParams(new FormData(form));
  for (let pause = 1; ; pause = Math.min(pause * 2, 30)) {
    let answer = null;
    try {
      const signal = AbortSignal.timeout(body instanceof FormData ? 300000 : 60000);
      answer = await fetch(form.action, { method: "POST", body, headers: { "X-Form": "fetch" }, signal });
    } catch {
      // Whether it arrived is not known: the next try tells.
    }
    if (answer && ![502, 503, 504].includes(answer.status)) return arrived(form, answer);
    await another(notice, notice.dataset[answer ? "busy" : "away"], pause);
  }
}

function arrived(form, answer) {
  // Who comes back to this page may send it once more, and is told that it has arrived.
  form.sending = false;
  if (answer.status === 204) sessionStorage.removeItem(kept(form));
  if (answer.status === 204 || answer.status === 401) return location.assign(answer.headers.get("Location"));
  // Nothing is saved, and the page that says why is best shown by the browser itself.
  if (answer.ok) sessionStorage.removeItem(kept(form));
  form.submit();
}

// Waits so many seconds, or until the browser is online again, or somebody presses the button.
function another(notice, words, seconds) {
  const [text, button] = notice.children;
  text.textContent = words;
  notice.hidden = false;
  return new Promise((resolve) => {
    function now() {
      clearTimeout(timer);
      removeEventListener("online", now);
      text.textContent = notice.dataset.sending;
      resolve();
    }
    const timer = setTimeout(now, seconds * 1000);
    addEventListener("online", now);
    button.onclick = now;
  });
}

for (const form of document.querySelectorAll("form[data-retry]")) {
  const entry = JSON.parse(sessionStorage.getItem(kept(form)) || "null");
  const notice = form.querySelector(".retry");
  if (!entry || !notice) continue;
  for (const control of form.elements) {
    const values = entry.filter(([name]) => name === control.name).map(([, value]) => value);
    if (!control.name || control.type === "file" || control.name === "csrfmiddlewaretoken") continue;
    if (control.type === "checkbox" || control.type === "radio") control.checked = values.includes(control.value);
    else if (control.multiple) for (const option of control.options) option.selected = values.includes(option.value);
    else if (values.length) control.value = values[0];
  }
  form.classList.remove("short");
  const [text, button] = notice.children;
  text.textContent = notice.dataset.kept;
  if (entry.some(([, value]) => value === null) && form.querySelector("[type=file]")) text.append(" ", notice.dataset.files);
  button.onclick = () => form.requestSubmit();
  addButton(notice.dataset.drop, button, () => {
    sessionStorage.removeItem(kept(form));
    location.reload();
  }).classList.add("quiet");
  notice.hidden = false;
}
document.addEventListener("submit", (event) => {
  if (event.target.action.endsWith("/logout/")) sessionStorage.clear();
});
