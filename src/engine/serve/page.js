
"use strict";
const $ = id => document.getElementById(id);
const { inputs, outputs, token: asksToken } = JSON.parse($("model").textContent);
const { kind } = inputs;
const JSON_TYPE = "application/json";

// Texts are set as texts, never as HTML: names of columns and classes may be anything.
const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};
const later = (action, wait = 200) => {
  let timer;
  return () => { clearTimeout(timer); timer = setTimeout(action, wait); };
};
const number = value => {
  if (typeof value !== "number") return String(value);
  const size = Math.abs(value);
  if (size && (size < 1e-4 || size >= 1e12)) return value.toExponential(4);
  const maximumFractionDigits = Math.max(0, 4 - Math.floor(Math.log10(size || 1)));
  return value.toLocaleString("en", { maximumFractionDigits, useGrouping: "min2" });  // a year has no comma
};
const percent = p => p > 0.9995 && p < 1 ? "> 99.9 %" : p < 0.0005 && p > 0 ? "< 0.1 %" : `${(100 * p).toFixed(1)} %`;
const visible = name => ({ " ": "space", "\n": "↵", "\t": "tab", "": "(empty)" })[name] ?? name;

// Asking

const tell = text => { $("message").textContent = text; $("message").hidden = !text; };
const show = (first = [], ...others) => { $("answer").replaceChildren(...first); $("details").replaceChildren(...others); };
const reveal = () => $("result").scrollIntoView({ block: "nearest", behavior: "smooth" });
let newest = 0;

// Posts a body and returns the rows of predictions, or null: refused, or something newer has been asked.
async function ask(body, type, refused = () => {}) {
  const own = ++newest;
  $("result").setAttribute("aria-busy", "true");
  let status = 0, content = {};
  try {
    const answer = await fetch("predict", { method: "POST", headers: { "Content-Type": type }, body });
    status = answer.status;
    content = await answer.json();
  } catch {
    content = { detail: status ? `The server answers ${status}.` : "The server does not answer. Is it running?" };
  }
  if (own !== newest) return null;
  $("result").removeAttribute("aria-busy");
  tell(content.predictions ? "" : String(content.detail));
  if (content.predictions) return content.predictions;
  show();
  if (status === 422) refused(content);
  return null;
}

// Answers

const bars = (chances, many = 10) => {
  const line = ([name, p]) => {
    const fill = make("i");
    fill.style.width = `${100 * p}%`;
    return make("li", {}, make("span", {}, visible(name)), make("span", { class: "bar" }, fill), make("span", {}, percent(p)));
  };
  const lines = chances.filter(([, p]) => p != null).sort((a, b) => b[1] - a[1]).map(line);
  const shown = [make("ol", { class: "bars" }, ...lines.slice(0, many))];
  if (lines.length > many) {
    const summary = make("summary", {}, `${lines.length - many} more`);
    shown.push(make("details", {}, summary, make("ol", { class: "bars" }, ...lines.slice(many))));
  }
  return shown;
};
const numbers = row => outputs.names.map((name, place) => {
  const column = ["predicted", `predicted_${name}`, `predicted_${place}`, name].find(key => key in row);
  const unit = outputs.units?.[place] ? ` ${outputs.units[place]}` : "";
  const winner = make("p", { class: "winner", title: row[column] }, number(row[column]), make("small", {}, unit));
  return make("div", {}, ...(name === "predicted" ? [] : [make("p", { class: "soft" }, name)]), winner);
});
const answer = row => {
  if (outputs.kind === "numbers") show(numbers(row));
  else if (outputs.kind === "classes") {
    const winner = make("p", { class: "winner" }, visible(row.predicted), make("small", {}, ` ${percent(row[`p_${row.predicted}`])}`));
    show([winner], ...bars(outputs.classes.map(name => [name, row[`p_${name}`]])));
  } else show([make("pre", {}, JSON.stringify(row, null, 2))]);
};
const quoted = value => /[",\r\n]/.test(value ?? "") ? `"${String(value).replaceAll('"', '""')}"` : String(value ?? "");
const table = rows => {
  const names = Object.keys(rows[0]);
  const cells = (tag, values) => make("tr", {}, ...values.map(value => make(tag, {}, value)));
  const order = [...names].sort((a, b) => b.startsWith("predicted") - a.startsWith("predicted"));
  const body = rows.slice(0, 100).map((row, place) => cells("td", [place + 1, ...order.map(name => number(row[name] ?? ""))]));
  const text = [names, ...rows.map(row => names.map(name => row[name]))].map(row => row.map(quoted).join(",") + "\n").join("");
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  const count = rows.length.toLocaleString("en");
  const link = make("a", { class: "button", href: address, download: "predictions.csv" }, "Download predictions.csv");
  const title = `${count} ${rows.length === 1 ? "row" : "rows"}${rows.length > 100 ? ", the first 100:" : ""}`;
  const head = make("thead", {}, cells("th", ["row", ...order]));
  const scroll = { class: "scroll", tabindex: 0, role: "region", "aria-label": "Predictions" };
  show([make("p", {}, title)], make("div", scroll, make("table", {}, head, make("tbody", {}, ...body))), make("p", {}, link));
};

// Tables: a form of the columns, and many rows as CSV

function tabular() {
  const fields = inputs.columns.map((column, place) => {
    const { name, min, max, mean } = column, id = `column-${place}`;
    // Keyboards of phones for decimals have no minus sign.
    const mode = min < 0 ? "text" : column.integer ? "numeric" : "decimal";
    const field = make("input", { id, name, inputmode: mode, autocomplete: "off", "aria-describedby": `${id}-hint` });
    if (mean != null) field.placeholder = number(column.integer ? Math.round(mean) : mean);
    const range = min == null ? "" : `${number(min)} to ${number(max)}`;
    const hint = make("p", { class: "soft", id: `${id}-hint` }, range);
    $("fields").append(make("div", {}, make("label", { for: id }, name), field, hint));
    const say = (text, look) => {
      hint.textContent = text;
      hint.className = `soft ${look}`;
      field.toggleAttribute("aria-invalid", false);
      if (look === "bad") field.setAttribute("aria-invalid", "true");
    };
    field.oninput = () => {
      const value = field.value.trim() === "" ? NaN : Number(field.value);
      const outside = value < min || value > max;
      say(outside ? `Outside the training data: ${range}` : range, outside ? "warn" : "");
    };
    return { name, field, say };
  });
  const value = text => text.trim() !== "" && isFinite(text) ? Number(text) : text;
  const refused = ({ detail, column }) => {
    const found = fields.find(({ name }) => name === column);
    if (!found) return;
    found.say(detail.replace(`row 1, column ${column}: `, ""), "bad");
    found.field.focus();
  };
  const one = async () => {
    const row = Object.fromEntries(fields.map(({ name, field }) => [name, value(field.value)]));
    const rows = await ask(JSON.stringify({ rows: [row] }), JSON_TYPE, refused);
    if (rows) answer(rows[0]);
  };
  $("row").onsubmit = event => { event.preventDefault(); one().then(reveal); };
  const follow = later(() => { if (fields.every(({ field }) => typeof value(field.value) === "number")) one(); });
  $("row").oninput = () => { tell(""); follow(); };
  $("means").onclick = () => {
    for (const { field } of fields) { field.value = field.placeholder.replaceAll(",", ""); field.oninput(); }
    one();
  };
  const several = async body => {
    const mark = ({ row }) => {
      const lines = $("csv").value.split("\n"), start = lines.slice(0, row).join("\n").length + 1;
      if (!row || body !== $("csv").value) return;
      $("csv").setAttribute("aria-invalid", "true");
      $("csv").focus();
      $("csv").setSelectionRange(start, start + lines[row].length);
    };
    $("csv").removeAttribute("aria-invalid");
    const rows = await ask(body, "text/csv", mark);
    if (rows) table(rows);
    reveal();
  };
  $("rows").onsubmit = event => { event.preventDefault(); several($("csv").value); };
  $("csv").placeholder = `${inputs.columns.map(({ name }) => quoted(name)).join(",")}\n${fields.map(({ field }) => field.placeholder.replaceAll(",", "")).join(",")}`;
  $("empty").textContent = "Fill in the fields.";
  return async file => {
    $("many").open = true;
    const small = file.size < 1e5;
    $("csv").value = small ? await file.text() : "";
    several(small ? $("csv").value : file);
  };
}

// Images: draw, drop, choose or paste

function image() {
  const { channels, height, width } = inputs, strokes = [], empty = $("empty");
  const drawable = channels === 1 && Math.max(height, width) <= 64;
  const post = async body => {
    const rows = await ask(body, body.type);
    if (rows) answer(rows[0]);
  };
  const trace = (context, pen) => {
    Object.assign(context, { lineWidth: pen, lineCap: "round", lineJoin: "round", strokeStyle: "#fff" });
    for (const stroke of strokes) {
      context.beginPath();
      for (const [x, y] of stroke) context.lineTo(x, y);
      if (stroke.length === 1) context.lineTo(stroke[0][0] + 0.01, stroke[0][1]);  // a dot
      context.stroke();
    }
  };
  // The drawing as digits of MNIST are made: in a box of 20 of the 28 pixels, its centre of mass in the middle.
  const reduce = () => {
    const pen = height / 10, points = strokes.flat(), context = $("seen").getContext("2d", { willReadFrequently: true });
    const [xs, ys] = [points.map(point => point[0]), points.map(point => point[1])];
    const span = Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys), 60);
    const scale = (Math.min(height, width) * 20 / 28 - pen) / span;
    const paint = (x, y) => {
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.fillRect(0, 0, width, height);
      context.setTransform(scale, 0, 0, scale, width / 2 - x * scale, height / 2 - y * scale);
      trace(context, pen / scale);
    };
    let [x, y] = [(Math.max(...xs) + Math.min(...xs)) / 2, (Math.max(...ys) + Math.min(...ys)) / 2];
    paint(x, y);
    const { data } = context.getImageData(0, 0, width, height);
    let mass = 0, right = 0, down = 0;
    for (let place = 0; place < width * height; place++) {
      const light = data[4 * place];
      mass += light;
      right += light * (place % width);
      down += light * Math.floor(place / width);
    }
    paint(x + (right / mass - width / 2) / scale, y + (down / mass - height / 2) / scale);
  };
  const drawing = $("drawing"), pad = drawing.getContext("2d");
  const send = later(() => {
    if (!strokes.length) return;
    // toBlob would wait for an idle moment, and answer after the drawing has changed.
    const bytes = Uint8Array.from(atob($("seen").toDataURL("image/png").split(",")[1]), sign => sign.charCodeAt(0));
    post(new Blob([bytes], { type: "image/png" }));
  }, 120);
  const redraw = () => {
    pad.fillRect(0, 0, drawing.width, drawing.height);
    if (strokes.length) { trace(pad, 20); reduce(); send(); }
    $("figure").hidden = !strokes.length;
  };
  const clear = () => {
    strokes.length = 0;
    if (drawable) redraw();
    $("picture").hidden = true;
    newest++;  // what has been asked is not wanted any more
    $("result").removeAttribute("aria-busy");
    tell("");
    show([empty]);
  };
  empty.textContent = drawable ? "Draw, or give an image." : "Give an image.";
  $("how").textContent = `${drawable ? "or drop or paste an image here" : "Drop or paste an image here"}, PNG or JPEG`;
  $("pad").hidden = !drawable;
  if (drawable) {
    Object.assign($("seen"), { width, height });
    $("size").textContent = `What the network sees: ${width} × ${height} pixels`;
    const point = event => [event.offsetX, event.offsetY].map(place => place * drawing.width / drawing.clientWidth);
    drawing.onpointerdown = event => {
      event.preventDefault();
      drawing.setPointerCapture(event.pointerId);
      $("picture").hidden = true;
      strokes.push([point(event)]);
      redraw();
    };
    drawing.onpointermove = event => {
      if (!drawing.hasPointerCapture(event.pointerId)) return;
      strokes.at(-1).push(...event.getCoalescedEvents().map(point));
      redraw();
    };
    $("undo").onclick = () => { strokes.pop(); strokes.length ? redraw() : clear(); };
    $("clear").onclick = clear;
    pad.fillRect(0, 0, drawing.width, drawing.height);
  }
  return file => {
    clear();
    URL.revokeObjectURL($("shown").src);
    $("shown").src = URL.createObjectURL(file);
    $("picture").hidden = false;
    post(file).then(reveal);
  };
}

// Texts: a prompt that goes on, a character at a time

function text() {
  let added = "", going = false;
  const next = prompt => ask(JSON.stringify({ prompt, length: 1 }), JSON_TYPE);
  const chances = row => [...inputs.vocabulary].map(name => [name, row[`p_${name}`] ?? 0]);
  const draw = (row, temperature) => {
    const all = chances(row).sort((a, b) => b[1] - a[1]);
    if (temperature === 0) return all[0][0];
    const weights = all.map(([, p]) => (p / all[0][1]) ** (1 / temperature));
    let rest = Math.random() * weights.reduce((sum, weight) => sum + weight);
    return all[Math.max(0, weights.findIndex(weight => (rest -= weight) <= 0))][0];
  };
  const tale = row => {
    const story = make("p", { class: "story" }, $("start").value, make("mark", {}, added));
    show([story], make("p", { class: "soft" }, "The next character:"), ...bars(chances(row)));
  };
  const go = async length => {
    going = true;
    $("continue").textContent = "Stop";
    $("answer").setAttribute("aria-busy", "true");  // screen readers wait for the end
    for (let count = 0; going; count++) {
      const rows = await next($("start").value + added);
      if (!rows) break;
      if (count < length) added += draw(rows[0], Number($("temperature").value));
      tale(rows[0]);
      if (count >= length) break;
    }
    going = false;
    $("answer").removeAttribute("aria-busy");
    $("continue").textContent = "Continue";
  };
  const restart = () => { going = false; added = ""; if ($("start").value) go(0); };
  $("prompt").onsubmit = event => { event.preventDefault(); going ? going = false : go(200); };
  $("start").oninput = later(restart, 300);
  $("again").onclick = restart;
  $("temperature").oninput = () => { $("degrees").textContent = $("temperature").value; };
  $("temperature").oninput();
  $("empty").textContent = "Write a prompt.";
  return async file => { $("start").value = await file.text(); restart(); };
}

// Examples of code

const shell = text => `'${text.replaceAll("'", `'\\''`)}'`;
function write(language = document.querySelector("[data-language][aria-pressed=true]")?.dataset.language ?? "curl") {
  const address = new URL("predict", location.href).href, type = kind === "image" ? "image/png" : JSON_TYPE;
  const headers = { "Content-Type": type, ...(asksToken && { Authorization: "Bearer TOKEN" }) };
  const mean = ({ mean, integer }) => mean == null ? 0 : integer ? Math.round(mean) : Number(mean.toPrecision(4));
  const given = kind === "text" ? { prompt: "once upon a time", length: 1 }
    : { rows: [Object.fromEntries(inputs.columns?.map(column => [column.name, mean(column)]) ?? [])] };
  const body = JSON.stringify(given).replaceAll('":', '": ').replaceAll(',"', ', "');
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const sent = kind === "image" ? "--data-binary @image.png" : `-d ${shell(body)}`;
  const dict = JSON.stringify(headers).replaceAll('":', '": ').replaceAll(',"', ', "');
  $("example").textContent = {
    curl: `curl ${address} \\\n${lines.map(line => `  -H ${shell(line)} \\\n`).join("")}  ${sent}`,
    python: `import json\nimport urllib.request\n${kind === "image" ? "from pathlib import Path\n" : ""}
body = ${kind === "image" ? 'Path("image.png").read_bytes()' : `json.dumps(${body}).encode()`}
headers = ${dict}
request = urllib.request.Request("${address}", body, headers)
with urllib.request.urlopen(request) as answer:
    print(json.load(answer)["predictions"])`,
    javascript: `const body = ${kind === "image" ? 'document.querySelector("input[type=file]").files[0]' : `JSON.stringify(${body})`};
const headers = ${dict};
const answer = await fetch("${address}", { method: "POST", headers, body });
console.log((await answer.json()).predictions);`,
  }[language];
  for (const button of document.querySelectorAll("[data-language]")) button.setAttribute("aria-pressed", button.dataset.language === language);
}
for (const button of document.querySelectorAll("[data-language]")) button.onclick = () => write(button.dataset.language);
$("copy").onclick = async () => {
  getSelection().selectAllChildren($("example"));
  // Pages that came without TLS from another machine have no clipboard: the text is selected then.
  if (navigator.clipboard) await navigator.clipboard.writeText($("example").textContent);
  $("copy").textContent = navigator.clipboard ? "Copied" : "Selected";
  setTimeout(() => { $("copy").textContent = "Copy"; }, 2000);
};

// Start

const kinds = { table: tabular, image, text };
if (kinds[kind]) {
  $("input").append($(kind).content);
  const take = kinds[kind](), over = on => document.body.classList.toggle("over", on);
  if ($("file")) $("file").onchange = () => { if ($("file").files[0]) take($("file").files[0]); $("file").value = ""; };
  document.ondragover = event => { event.preventDefault(); over(true); };
  document.ondragleave = event => { if (!event.relatedTarget) over(false); };
  document.ondrop = event => { event.preventDefault(); over(false); if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]); };
  document.onpaste = event => { if (event.clipboardData.files[0]) { event.preventDefault(); take(event.clipboardData.files[0]); } };
} else {
  $("input").append(make("p", {}, `This page does not know inputs of the kind ${kind}. Use the model from code.`));
}
write();
