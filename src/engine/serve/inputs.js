
"use strict";

// What people give. This is one script with page.js.

// Tables: a form of the columns, and many rows as CSV

function tabular() {
  const fields = inputs.columns.map((column, place) => {
    const { name, min, max, categories, gaps } = column, id = `column-${place}`;
    const attributes = { id, name, autocomplete: "off", "aria-describedby": `${id}-hint` };
    // Keyboards of phones for decimals have no minus sign.
    const field = categories ? make("select", attributes, ...categories.map(text => make("option", { value: text }, visible(text))))
      : make("input", { ...attributes, inputmode: min < 0 ? "text" : column.integer ? "numeric" : "decimal" });
    if (column.mean != null) field.placeholder = plain(usual(column));
    const range = (min == null ? "" : `${number(min)} to ${number(max)}`) + (gaps ? ", or blank" : "");
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
    const isNumber = () => field.value.trim() !== "" && isFinite(field.value);
    const value = () => !categories && isNumber() ? Number(field.value) : field.value;
    const ready = () => categories || isNumber() || (gaps && field.value === "");
    return { name, field, say, value, ready, usual: plain(usual(column)) };
  });
  const refused = ({ detail, column }) => {
    const found = fields.find(({ name }) => name === column);
    if (!found) return;
    found.say(detail.replace(`row 1, column ${column}: `, ""), "bad");
    found.field.focus();
  };
  const one = async () => {
    follow.cancel();
    const row = Object.fromEntries(fields.map(({ name, value }) => [name, value()]));
    const rows = await ask(JSON.stringify({ rows: [row] }), JSON_TYPE, refused);
    if (rows) answer(rows[0]);
  };
  $("row").onsubmit = event => { event.preventDefault(); one().then(reveal); };
  const follow = later(() => { if (fields.every(({ ready }) => ready())) one(); });
  $("row").oninput = () => { tell(""); follow(); };
  $("means").onclick = () => {
    for (const { field, usual } of fields) { field.value = usual; field.oninput(); }
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
  const example = [fields.map(({ name }) => name), fields.map(({ usual }) => usual)];
  $("csv").placeholder = example.map(line => line.map(quoted).join(",")).join("\n");
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
    const span = Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys), 20);
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
  const next = prompt => ask(JSON.stringify({ prompt, length: 0 }), JSON_TYPE);
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
