"use strict";
// Every text of a model reaches the page by textContent alone.
(() => {
  const by = (id) => document.getElementById(id);
  const made = (tag, text, kind) => {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    if (kind) node.className = kind;
    return node;
  };

  for (const frame of document.querySelectorAll(".frame")) {
    frame.addEventListener("click", () => {
      const chart = frame.closest(".flame");
      for (const other of chart.querySelectorAll(".chosen")) other.classList.remove("chosen");
      frame.classList.add("chosen");
      chart.nextElementSibling.textContent = frame.dataset.words;
    });
  }

  const source = by("trace-data");
  if (!source) return;
  const rollouts = JSON.parse(source.textContent);
  const OPEN = "\u00b7";
  let trace = null, step = 0, cell = null, marked = "", nodes = [], map = null, playing = 0, asked = 0;

  // Control and formatting characters could hide or reorder what stands around them.
  const visible = (text) => {
    const plain = text.replace(/\n/g, "\u21b5").replace(/\t/g, "\u2192").replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "\ufffd");
    return plain.trim() === "" ? "\u2423".repeat(Math.max(1, plain.length)) : plain;
  };

  const unpacked = async (data) => {
    const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    return JSON.parse(await new Response(stream).text());
  };

  // What every position of a block last changed to, at or before a step: the place of that change, -1 for none.
  const walker = (group, positions) => {
    const latest = new Int32Array(positions).fill(-1);
    let at = 0, done = -1;
    return (row) => {
      for (; done < row; done++) {
        for (let end = at + group.counts[done + 1]; at < end; at++) latest[group.places[at]] = at;
      }
      return latest;
    };
  };
  const latestAt = (group, block, row) => walker(group, block.positions)(row);

  const open = (payload) => {
    let first = 0, start = 0;
    for (const block of payload.blocks) {
      Object.assign(block, { first, start });
      first += block.steps;
      start += block.positions;
    }
    return { ...payload, steps: first, positions: start, blocks: payload.blocks.filter((block) => block.steps) };
  };
  const blockOf = (number) => trace.blocks.find((block) => number < block.first + block.steps);

  // Tokens and commits of a block after one of its rows; before the first row everything is open.
  const stateOf = (block, row, group) => {
    const tokens = latestAt(block[group], block, row), commits = latestAt(block.committed, block, row);
    return {
      token: Array.from(tokens, (at) => (at < 0 ? -1 : block[group].values[at])),
      committed: Array.from(commits, (at) => at >= 0 && block.committed.values[at] === 1),
    };
  };
  const rowIn = (block, number) => Math.min(number - block.first, block.steps - 1);

  const drawCanvas = () => {
    const seen = by("t-seen").checked;
    for (const block of trace.blocks) {
      const group = seen && block.canvas ? "canvas" : "tokens", row = rowIn(block, step);
      const now = stateOf(block, row, group), before = stateOf(block, row - 1, group);
      for (let place = 0; place < block.positions; place++) {
        const node = nodes[block.start + place], token = now.token[place];
        const text = token < 0 ? OPEN : visible(trace.words[token]);
        if (node.textContent !== text) node.textContent = text;
        const kind = token < 0 ? "open" : now.committed[place] ? "committed" : "tentative";
        const here = step >= block.first && step < block.first + block.steps;
        const changed = here && (token !== before.token[place] || now.committed[place] !== before.committed[place]);
        node.className = `token ${kind}${changed ? " changed" : ""}`;
      }
    }
    for (const place of places()) nodes[place].classList.add("marked");
    if (cell !== null) nodes[cell].classList.add("chosen");
  };
  const places = () => (marked === "" ? [] : marked === "answer" ? trace.answer : trace.values[marked.slice(1)]);

  const colours = () => {
    const style = getComputedStyle(document.documentElement);
    return (name) => {
      const hex = style.getPropertyValue(`--${name}`).trim();
      return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
    };
  };
  const mixed = (one, other, share) => one.map((value, at) => value + (other[at] - value) * share);

  // One pixel for each step and position, or for every few of them where there are very many.
  const buildMap = () => {
    const across = Math.ceil(trace.positions / 2048) || 1, down = Math.ceil(trace.steps / 1024) || 1;
    const width = Math.ceil(trace.positions / across), height = Math.ceil(trace.steps / down);
    const image = new ImageData(width, height), colour = colours(), entropy = by("t-mode").value === "entropy";
    const [none, early, settled, changed] = ["panel", "early", "settled", "changed"].map(colour);
    const paint = (x, y, rgb) => image.data.set([...rgb, 255], 4 * (y * width + x));
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) paint(x, y, none);
    const most = Math.max(1, ...trace.blocks.map((block) => (block.predictions ? largest(block.predictions.entropy) : 0)));
    for (const block of trace.blocks) {
      const tokens = walker(block.tokens, block.positions), commits = walker(block.committed, block.positions);
      const guesses = block.predictions && walker(block.predictions, block.positions);
      const held = new Int32Array(block.positions).fill(-1), revised = new Uint8Array(block.positions);
      for (let row = 0; row < block.steps; row++) {
        const token = tokens(row), commit = commits(row), guess = guesses && guesses(row), number = block.first + row;
        for (let place = 0; place < block.positions; place++) {
          const value = token[place] < 0 ? -1 : block.tokens.values[token[place]];
          const committed = commit[place] >= 0 && block.committed.values[commit[place]] === 1;
          revised[place] = held[place] >= 0 && (!committed || held[place] !== value) ? 1 : 0;
          if (committed) held[place] = value;
          if (number % down || (block.start + place) % across) continue;
          let rgb = value < 0 ? none : committed ? settled : early;
          if (entropy) {
            const at = guess ? guess[place] : -1, amount = at < 0 ? -1 : block.predictions.entropy[at];
            rgb = amount < 0 ? none : mixed(early, changed, amount / most);
          } else if (revised[place]) rgb = changed;
          paint((block.start + place) / across, number / down, rgb);
        }
      }
    }
    map = document.createElement("canvas");
    Object.assign(map, { width, height });
    map.getContext("2d").putImageData(image, 0, 0);
    legend(entropy, most);
  };
  const largest = (numbers) => numbers.reduce((most, number) => Math.max(most, number), 0);
  const legend = (entropy, most) => {
    const told = entropy
      ? [["early", "0 nats"], ["changed", `${(most / 1000).toFixed(2)} nats`], ["none", "no prediction"]]
      : [["none", "nothing yet"], ["early", "predicted"], ["settled", "committed"], ["changed", "taken back or changed after a commit"]];
    by("t-legend").replaceChildren(...told.map(([kind, text]) => {
      const item = made("li");
      item.append(made("span", undefined, `swatch ${kind}`), text);
      return item;
    }));
  };

  const drawMap = () => {
    const heat = by("t-heat"), wide = heat.clientWidth, ratio = window.devicePixelRatio || 1;
    const row = Math.max(3, Math.min(18, wide / trace.positions));
    const tall = Math.round(Math.max(24, Math.min(360, row * trace.steps)));
    heat.style.height = `${tall}px`;
    Object.assign(heat, { width: Math.round(wide * ratio), height: Math.round(tall * ratio) });
    const pen = heat.getContext("2d"), colour = colours();
    pen.scale(ratio, ratio);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(map, 0, 0, wide, tall);
    const x = (place) => (place * wide) / trace.positions, y = (number) => (number * tall) / trace.steps;
    const frame = (name, left, top, width, height) => {
      for (const [thick, inner] of [[4, "page"], [2, name]]) {
        pen.lineWidth = thick;
        pen.strokeStyle = `rgb(${colour(inner).join(" ")})`;
        pen.strokeRect(left + 2, top + 2, Math.max(1, width - 4), Math.max(1, height - 4));
      }
    };
    for (const place of places()) frame("open", x(place), 0, x(1), tall);
    frame("text", 0, y(step), wide, y(1));
    if (cell !== null) frame("text", x(cell), y(step), x(1), y(1));
  };

  const drawTop = () => {
    const box = by("t-top");
    if (cell === null) {
      box.replaceChildren(made("p", "Choose a word or a cell of the map.", "hint"));
      return;
    }
    by("t-cell").textContent = `Likeliest tokens at position ${cell}, step ${step}`;
    const block = trace.blocks.find((one) => cell < one.start + one.positions);
    const guesses = block.predictions, none = (why) => box.replaceChildren(made("p", why, "hint"));
    if (step < block.first) return none("Its block has not begun.");
    if (!guesses) return none("The trace holds no predictions.");
    const at = latestAt(guesses, block, rowIn(block, step))[cell - block.start];
    if (at < 0) return none("Nothing is predicted there yet.");
    const rows = [];
    for (let rank = 0; rank < guesses.top; rank++) {
      const token = guesses.ids[at * guesses.top + rank], share = guesses.shares[at * guesses.top + rank] / 1000;
      if (token >= 0) rows.push(guessRow(visible(trace.words[token]), share));
    }
    const entropy = guesses.entropy[at];
    if (entropy >= 0) rows.push(made("p", `Entropy ${(entropy / 1000).toFixed(3)} nats.`, "hint"));
    if (!guesses.top) rows.push(made("p", "Likeliest tokens are not in this page: the trace is too large.", "hint"));
    box.replaceChildren(...rows);
  };
  const guessRow = (text, share) => {
    const row = made("div", undefined, "guess"), space = "http://www.w3.org/2000/svg";
    const bar = document.createElementNS(space, "svg"), part = document.createElementNS(space, "rect");
    part.setAttribute("width", `${100 * share}%`);
    part.setAttribute("height", "100%");
    bar.append(part);
    row.append(made("code", text), bar, made("span", share ? `${(100 * share).toFixed(1)} %` : "< 0.1 %", "n"));
    return row;
  };

  const drawValues = () => {
    const all = [...Object.keys(trace.values).map((name) => [`=${name}`, name]), ...(trace.answer.length ? [["answer", "answer"]] : [])];
    by("t-values").replaceChildren(...all.map(([key, name]) => {
      const button = made("button", visible(name));
      button.type = "button";
      button.setAttribute("aria-pressed", String(key === marked));
      button.addEventListener("click", () => {
        marked = key === marked ? "" : key;
        drawValues();
        draw();
      });
      return button;
    }));
  };

  const draw = () => {
    const block = blockOf(step), row = step - block.first;
    const inside = trace.blocks.length > 1 ? `: step ${row} of block ${trace.blocks.indexOf(block)}` : "";
    by("t-step").value = step;
    by("t-at").textContent = `Step ${step}${inside}; the last one is ${trace.steps - 1}`;
    drawCanvas();
    drawMap();
    drawTop();
  };
  const go = (number) => {
    step = Math.max(0, Math.min(trace.steps - 1, number));
    draw();
  };
  const stop = () => {
    clearInterval(playing);
    playing = 0;
    by("t-play").textContent = "Play";
  };

  const show = async (index) => {
    stop();
    const rollout = rollouts[index], mine = ++asked;
    let payload;
    try {
      payload = open(await unpacked(rollout.data));
    } catch (error) {
      by("t-trouble").textContent = `The trace cannot be unpacked here (${error.message}); a browser of 2023 or later can.`;
      by("t-trouble").hidden = false;
      return;
    }
    if (mine !== asked) return;
    trace = payload;
    step = Math.max(0, trace.steps - 1);
    cell = trace.positions ? (trace.answer[0] ?? 0) : null;
    marked = "";
    by("viewer").hidden = false;
    by("t-about").textContent = `${rollout.name}: ${rollout.status}, ${rollout.finished ? "ended by itself" : "ran into a bound"}`;
    by("t-text").textContent = visibleText(rollout.text);
    by("t-step").max = Math.max(0, trace.steps - 1);
    by("t-last").textContent = `position ${Math.max(0, trace.positions - 1)}`;
    by("t-seen").disabled = !trace.blocks.some((block) => block.canvas);
    nodes = Array.from({ length: trace.positions }, (_, place) => {
      const node = made("button", OPEN, "token open");
      node.type = "button";
      node.setAttribute("data-place", place);
      return node;
    });
    by("t-canvas").replaceChildren(...nodes);
    if (!trace.steps || !trace.positions) return;
    drawValues();
    buildMap();
    draw();
  };
  const visibleText = (text) => text.replace(/[^\P{C}\n\t]/gu, "\ufffd") || "(empty)";

  const choose = by("t-rollout"), arms = new Map();
  rollouts.forEach((rollout, index) => {
    if (!arms.has(rollout.arm)) {
      const group = made("optgroup");
      group.label = visible(rollout.arm);
      arms.set(rollout.arm, group);
      choose.append(group);
    }
    const option = made("option", visible(`${rollout.name}: ${rollout.status}`));
    option.value = index;
    arms.get(rollout.arm).append(option);
  });
  choose.addEventListener("change", () => show(Number(choose.value)));
  by("t-step").addEventListener("input", () => go(Number(by("t-step").value)));
  by("t-back").addEventListener("click", () => go(step - 1));
  by("t-on").addEventListener("click", () => go(step + 1));
  by("t-seen").addEventListener("change", draw);
  by("t-mode").addEventListener("change", () => { buildMap(); draw(); });
  by("t-play").addEventListener("click", () => {
    if (playing) return stop();
    by("t-play").textContent = "Pause";
    if (step === trace.steps - 1) go(0);
    playing = setInterval(() => (step < trace.steps - 1 ? go(step + 1) : stop()), Math.max(60, Math.min(500, 8000 / trace.steps)));
  });
  by("t-canvas").addEventListener("click", (event) => {
    const node = event.target.closest("[data-place]");
    if (!node) return;
    cell = Number(node.dataset.place);
    draw();
  });
  by("t-heat").addEventListener("click", (event) => {
    const box = by("t-heat").getBoundingClientRect();
    cell = Math.min(trace.positions - 1, Math.floor(((event.clientX - box.left) / box.width) * trace.positions));
    go(Math.floor(((event.clientY - box.top) / box.height) * trace.steps));
  });
  window.addEventListener("resize", () => trace && trace.steps && drawMap());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { buildMap(); draw(); });
  show(0);
})();
