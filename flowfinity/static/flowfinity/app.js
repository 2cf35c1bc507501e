// Small comforts only: every page works without this file.
const root = document.documentElement;
root.classList.add("js");

const phone = matchMedia("(max-width: 48rem)");
for (const fold of document.querySelectorAll("details[data-fold]")) {
  if (phone.matches && !fold.querySelector("[aria-invalid=true]")) fold.open = false;
  // Wide pages hide the summary, so what it folds away must come back.
  phone.addEventListener("change", () => { if (!phone.matches) fold.open = true; });
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
  say.textContent = `The page is ${theme} now.`;
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
  button.textContent = say.textContent = "Copied";
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
  const words = "Use my position";
  const ask = addButton(words, place, () => {
    ask.disabled = true;
    ask.textContent = "Looking …";
    const done = (said) => {
      ask.disabled = false;
      ask.textContent = words;
      say.textContent = said;
    };
    navigator.geolocation.getCurrentPosition(({ coords }) => {
      place.value = [coords.latitude.toFixed(6), coords.longitude.toFixed(6), Math.round(coords.accuracy)].join(", ");
      done("Your position is filled in.");
    }, () => {
      done("");
      ask.textContent = say.textContent = "Your position is not known";
    }, { enableHighAccuracy: true, timeout: 20000 });
  });
  place.parentElement.classList.add("with-button");
}

for (const file of document.querySelectorAll("input[data-pad]")) {
  const pad = document.createElement("canvas");
  const pen = pad.getContext("2d");
  Object.assign(pad, { width: 600, height: 200, className: "pad", title: "Sign here with a pen, a finger or the mouse" });
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
  addButton("Sign again", pad, () => {
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
    unread.reportValidity();
  }
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});
