// The form of a view: sends itself while somebody types, and lets columns be dragged. It works without this file.
{
  // What somebody is typing is newer than any answer; a control that only has the focus takes what the answer says.
  let typing;
  document.addEventListener("input", (event) => { typing = event.target; }, true);
  document.addEventListener("focusin", (event) => { if (event.target !== typing) typing = undefined; });
  Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, element) =>
    !(name === "value" && element === typing && element === document.activeElement && element.matches("input:not([type=hidden]), textarea"));

  const send = (event) => htmx.trigger(document.getElementById("view-form"), event);
  const within = (event) => event.target.closest?.("#view-form");
  // An answer to what has been changed since is not shown: the next one is on its way, and does what was pressed meanwhile.
  let waiting, changes = 0, asked = 0, pressed = [];
  for (const kind of ["input", "change", "submit"]) document.addEventListener(kind, (event) => {
    if (within(event)) changes += 1;
  }, true);
  document.addEventListener("input", (event) => {
    if (!within(event) || !event.target.matches("input:not([type=checkbox]), textarea")) return;
    clearTimeout(waiting);
    waiting = setTimeout(send, 350, "typed");
  });
  document.addEventListener("submit", (event) => {
    const form = within(event), what = event.submitter?.value;
    if (!form) return;
    clearTimeout(waiting);
    if (what !== "save") return pressed.push(what || "refresh");
    // What is kept is kept by an ordinary request, which no other one can overtake.
    event.stopPropagation();
    for (const value of pressed.reverse()) form.prepend(Object.assign(document.createElement("input"), { type: "hidden", name: "do", value }));
  }, true);
  document.addEventListener("htmx:configRequest", ({ detail }) => {
    detail.formData.delete("do");
    for (const what of pressed) detail.formData.append("do", what);
  });
  document.addEventListener("htmx:beforeRequest", () => {
    clearTimeout(waiting);
    asked = changes;
  });
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    const from = new URL(detail.xhr.responseURL, location).pathname;
    if (from !== location.pathname || asked !== changes) detail.shouldSwap = false;
    else pressed = [];
    // Who has been logged out meanwhile is sent to the page to sign in on.
    if (from !== location.pathname) location.assign(detail.xhr.responseURL);
  });
  for (const kind of ["htmx:sendError", "htmx:responseError"]) document.addEventListener(kind, () => {
    pressed = [];
    document.getElementById("unanswered").hidden = false;
  });

  // Dragging only changes the order of the rows, whose hidden controls say the order.
  let dragged;
  document.addEventListener("dragstart", (event) => {
    dragged = event.target.closest?.("#chosen > [draggable]");
    if (!dragged) return;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged.id);
    dragged.classList.add("dragged");
  });
  document.addEventListener("dragover", (event) => {
    const over = dragged && event.target.closest("#chosen > [draggable]");
    if (!over) return;
    event.preventDefault();
    const { top, height } = over.getBoundingClientRect();
    if (over !== dragged) over[event.clientY < top + height / 2 ? "before" : "after"](dragged);
  });
  document.addEventListener("drop", (event) => {
    if (dragged) event.preventDefault();
  });
  document.addEventListener("dragend", () => {
    if (!dragged) return;
    dragged.classList.remove("dragged");
    dragged = undefined;
    send("change");
  });
}
