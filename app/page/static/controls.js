"use strict";
/* What visitors of a demo may ask for: buttons, each with a word about what it does; and what happened. */

let token = null;

async function give(button) {
  const { order, said } = button.dataset;
  button.disabled = true;
  $("controls-said").textContent = "";
  try {
    const answer = await fetch(`control/${order}`, { method: "POST", headers: { "X-Riverrun-Token": token } });
    $("controls-said").textContent = answer.ok ? said : "That cannot be done right now.";
  } catch {
    $("controls-said").textContent = "No connection: nothing was asked for.";
  }
}

function showControls(offered) {
  const shown = token ? offered || [] : [], list = $("controls-buttons");
  $("controls").hidden = shown.length === 0;
  while (list.children.length > shown.length) list.lastChild.remove();
  shown.forEach(({ order, text, said, on }, i) => {
    let button = list.children[i];
    if (!button) {
      button = list.appendChild(element("button", undefined, { type: "button" }));
      button.addEventListener("click", () => give(list.children[i]));
    }
    Object.assign(button.dataset, { order, said });
    if (button.textContent !== text) button.textContent = text;
    button.disabled = !on;
  });
}

function showHappened(notes) {
  const list = $("happened"), state = JSON.stringify(notes || []);
  if (list.dataset.state === state) return;
  list.dataset.state = state;
  list.hidden = !notes?.length;
  list.replaceChildren(...(notes || []).map(({ at, text, bad }) => {
    const item = element("li", undefined, { "data-bad": bad });
    item.append(element("time", stamp(at), { datetime: new Date(at).toISOString() }), " ", text);
    return item;
  }));
}
