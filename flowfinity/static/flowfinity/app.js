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
