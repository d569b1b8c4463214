
const $ = id => document.getElementById(id);
const { inputs, outputs, token: asksToken } = JSON.parse($("model").textContent);
const { kind } = inputs;
const JSON_TYPE = "application/json";
// Below the address of the page, whatever path a proxy gives it, and without a password in it.
const PREDICT = new URL("predict", location.origin + location.pathname).href;

// Texts are set as texts, never as HTML: names of columns and classes may be anything.
const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};
const later = (action, wait = 200) => {
  let timer;
  const start = () => { clearTimeout(timer); timer = setTimeout(action, wait); };
  return Object.assign(start, { cancel: () => clearTimeout(timer) });
};
const number = value => {
  if (typeof value !== "number") return String(value);
  const size = Math.abs(value);
  if (size && (size < 1e-4 || size >= 1e12)) return value.toExponential(4);
  const maximumFractionDigits = Math.max(0, 4 - Math.floor(Math.log10(size || 1)));
  return value.toLocaleString("en", { maximumFractionDigits, useGrouping: "min2" });  // a year has no comma
};
const percent = p => p > 0.9995 && p < 1 ? "> 99.9 %" : p < 0.0005 && p > 0 ? "< 0.1 %" : `${(100 * p).toFixed(1)} %`;
// A number as it is typed; the usual value of a column: its mean, or its first category.
const plain = value => typeof value === "number" ? number(value).replaceAll(",", "") : value;
const usual = ({ mean, integer, categories }) => categories?.[0] ?? (integer ? Math.round(mean ?? 0) : mean ?? 0);
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
    const answer = await fetch(PREDICT, { method: "POST", headers: { "Content-Type": type }, body });
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
  } else if (outputs.kind === "labels") {
    const found = outputs.labels.filter(name => row[`predicted_${name}`] === "yes");
    show([make("p", { class: "winner" }, found.join(", ") || "none")], ...bars(outputs.labels.map(name => [name, row[`p_${name}`]])));
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

// Examples of code

// A prompt of characters that the model knows.
const first = () => {
  const letters = [...inputs.vocabulary], known = "once upon a time";
  return [...known].every(letter => letters.includes(letter)) ? known : letters.filter(letter => letter.trim()).slice(0, 10).join("");
};

const brief = value => typeof value === "number" ? Number(value.toPrecision(4)) : value;
const shell = text => `'${text.replaceAll("'", `'\\''`)}'`;
function write(language = document.querySelector("[data-language][aria-pressed=true]")?.dataset.language ?? "curl") {
  const address = PREDICT, type = kind === "image" ? "image/png" : JSON_TYPE;
  const headers = { "Content-Type": type, ...(asksToken && { Authorization: "Bearer TOKEN" }) };
  const given = kind === "text" ? { prompt: first(), length: 50 }
    : { rows: [Object.fromEntries(inputs.columns?.map(column => [column.name, brief(usual(column))]) ?? [])] };
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
