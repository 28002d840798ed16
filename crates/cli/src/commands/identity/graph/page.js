'use strict';
// What the picture shows is in #data; what is chosen, searched and filtered is kept here.
const data = JSON.parse(document.getElementById('data').textContent);
const stage = document.getElementById('stage');
const world = document.getElementById('world');
const details = document.getElementById('details');
const found = document.getElementById('found');
const search = document.getElementById('search');
const number = new Map(data.nodes.map((node, at) => [node.id, at]));
data.edges.forEach(edge => { edge.from = number.get(edge.from); edge.to = number.get(edge.to); });
const nodes = [...document.querySelectorAll('[data-node]')];
// Not every edge is drawn: what is part of what is said at the nodes.
const edges = [...document.querySelectorAll('[data-edge]')].map(element => ({ element, at: Number(element.dataset.edge) }));
const labels = [...document.querySelectorAll('[data-edges]')]
  .map(element => ({ element, of: element.dataset.edges.split(' ').map(Number) }));
const out = data.nodes.map(() => []);
const into = data.nodes.map(() => []);
data.edges.forEach((edge, at) => { out[edge.from].push(at); into[edge.to].push(at); });
const area = element => { const box = element.getBBox(); return [box.x, box.y, box.x + box.width, box.y + box.height]; };
const areas = nodes.map(element => area(element.querySelector('rect')));

// Lines are thin: a wider one that is not seen takes the clicks.
edges.forEach(({ element }) => {
  const line = element.querySelector('path');
  const hit = line.cloneNode();
  hit.setAttribute('class', 'hit');
  element.append(hit);
});

// --- moving and zooming
let view = { x: 0, y: 0, scale: 1 };
function show() {
  world.setAttribute('transform', `translate(${view.x} ${view.y}) scale(${view.scale})`);
  stage.dataset.scale = view.scale.toFixed(4);
}
function zoom(by, x, y) {
  const scale = Math.min(8, Math.max(0.02, view.scale * by));
  view = { x: x - (x - view.x) * scale / view.scale, y: y - (y - view.y) * scale / view.scale, scale };
  show();
}
function fit(boxes, most = 1.2) {
  if (!boxes.length) return;
  const pad = 30;
  const left = Math.min(...boxes.map(box => box[0])) - pad, right = Math.max(...boxes.map(box => box[2])) + pad;
  const top = Math.min(...boxes.map(box => box[1])) - pad, bottom = Math.max(...boxes.map(box => box[3])) + pad;
  const { width, height } = stage.getBoundingClientRect();
  const scale = Math.min(most, width / (right - left), height / (bottom - top));
  view = { x: (width - scale * (left + right)) / 2, y: (height - scale * (top + bottom)) / 2, scale };
  show();
}
/** All of what is visible; of a graph that is too high to be read, its width. */
function fitAll() {
  const boxes = areas.filter((_, at) => isVisible[at]);
  fit(boxes);
  if (view.scale < 0.45 && boxes.length) {
    const left = Math.min(...boxes.map(box => box[0])) - 30, right = Math.max(...boxes.map(box => box[2])) + 30;
    const top = Math.min(...boxes.map(box => box[1])) - 50;
    const scale = Math.min(1, stage.getBoundingClientRect().width / (right - left));
    view = { x: -left * scale, y: -top * scale, scale };
    show();
  }
}
stage.addEventListener('wheel', event => {
  event.preventDefault();
  const box = stage.getBoundingClientRect();
  if (event.shiftKey) { view.y -= event.deltaY + event.deltaX; show(); return; }
  zoom(Math.exp(-event.deltaY * 0.0015), event.clientX - box.left, event.clientY - box.top);
}, { passive: false });
let drag = null;
const pointers = new Map();
stage.addEventListener('pointerdown', event => {
  pointers.set(event.pointerId, event);
  drag = { x: event.clientX, y: event.clientY, view, target: event.target, moved: false };
});
stage.addEventListener('pointermove', event => {
  if (!pointers.has(event.pointerId)) return;
  if (pointers.size === 2) {
    const [one, two] = [...pointers.values()];
    const before = Math.hypot(one.clientX - two.clientX, one.clientY - two.clientY);
    pointers.set(event.pointerId, event);
    const [a, b] = [...pointers.values()];
    const box = stage.getBoundingClientRect();
    const after = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
    if (before > 0) zoom(after / before, (a.clientX + b.clientX) / 2 - box.left, (a.clientY + b.clientY) / 2 - box.top);
    drag = null;
    return;
  }
  if (!drag) return;
  const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
  if (!drag.moved && Math.hypot(dx, dy) < 4) return;
  if (!drag.moved) { drag.moved = true; stage.setPointerCapture(event.pointerId); stage.classList.add('moving'); }
  view = { ...drag.view, x: drag.view.x + dx, y: drag.view.y + dy };
  show();
});
function release(event) {
  pointers.delete(event.pointerId);
  stage.classList.remove('moving');
  if (drag && !drag.moved && event.type === 'pointerup') choose(drag.target);
  drag = null;
}
stage.addEventListener('pointerup', release);
stage.addEventListener('pointercancel', release);
document.getElementById('in').addEventListener('click', () => middle(1.4));
document.getElementById('out').addEventListener('click', () => middle(1 / 1.4));
document.getElementById('fit').addEventListener('click', fitAll);
function middle(by) {
  const { width, height } = stage.getBoundingClientRect();
  zoom(by, width / 2, height / 2);
}
stage.addEventListener('keydown', event => {
  const steps = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
  if (steps[event.key]) { view.x += steps[event.key][0]; view.y += steps[event.key][1]; show(); }
  else if (event.key === '+' || event.key === '=') middle(1.4);
  else if (event.key === '-') middle(1 / 1.4);
  else if (event.key === '0') fitAll();
  else if (event.key === 'Enter' || event.key === ' ') choose(event.target);
  else return;
  event.preventDefault();
});

// --- filters
let isVisible = data.nodes.map(() => true);
function filter() {
  const shown = name => [...document.querySelectorAll(`input[name=${name}]:checked`)].map(box => box.value);
  const environments = new Set(shown('environment'));
  const all = document.querySelectorAll('input[name=environment]:not(:checked)').length === 0;
  const kinds = new Set([...shown('kind'), 'holds']);
  const isMarked = document.getElementById('marked').checked;
  isVisible = data.nodes.map(node =>
    all || node.environments.some(name => environments.has(name)));
  const isShown = data.edges.map(edge => {
    const bad = edge.tooBroad || edge.fault || edge.kind === 'missing' || edge.kind === 'denied';
    return isVisible[edge.from] && isVisible[edge.to] && kinds.has(edge.kind) && (!isMarked || bad);
  });
  if (isMarked) {
    const ends = new Set(data.edges.flatMap((edge, at) => isShown[at] ? [edge.from, edge.to] : []));
    isVisible = isVisible.map((is, at) => is && (ends.has(at) || (data.nodes[at].faults || []).length > 0));
  }
  nodes.forEach((element, at) => element.classList.toggle('hidden', !isVisible[at]));
  edges.forEach(({ element, at }) => element.classList.toggle('hidden', !isShown[at]));
  labels.forEach(({ element, of }) => element.classList.toggle('hidden', !of.some(at => isShown[at])));
  document.querySelectorAll('[data-band]').forEach(element => {
    const name = element.dataset.band;
    const isOne = data.environments.includes(name);
    element.classList.toggle('hidden', isOne ? !environments.has(name) : false);
  });
  lookFor();
}
document.querySelectorAll('input[name=environment], input[name=kind], #marked').forEach(box =>
  box.addEventListener('change', () => { forget(); filter(); fitAll(); }));

// --- search
let hits = [], hit = 0;
function lookFor() {
  const words = search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  hits = words.length === 0 ? [] : data.nodes.flatMap((node, at) => {
    const roles = [...out[at], ...into[at]].map(edge => data.edges[edge].role || '');
    const text = [node.id, node.name, node.detail, ...roles].join(' ').toLowerCase();
    return isVisible[at] && words.every(word => text.includes(word)) ? [at] : [];
  });
  hit = 0;
  found.textContent = words.length === 0 ? '' : `${hits.length} found`;
  light();
}
search.addEventListener('input', () => { forget(); lookFor(); if (hits.length) fit(hits.map(at => areas[at])); });
search.addEventListener('keydown', event => {
  if (event.key === 'Escape') { search.value = ''; forget(); lookFor(); fitAll(); return; }
  if (event.key !== 'Enter' || hits.length === 0) return;
  const at = hits[hit];
  hit = (hit + (event.shiftKey ? hits.length - 1 : 1)) % hits.length;
  fit([areas[at]]);
  chooseNode(at);
});
document.addEventListener('keydown', event => {
  if (event.key === '/' && document.activeElement !== search) { event.preventDefault(); search.focus(); }
});

// --- what is chosen, and what leads to it and from it
let chosen = null;
function reach(start, next, end) {
  const seen = new Set(start), lines = new Set(), waiting = [...start];
  while (waiting.length) {
    for (const at of next[waiting.pop()]) {
      lines.add(at);
      const node = data.edges[at][end];
      if (!seen.has(node)) { seen.add(node); waiting.push(node); }
    }
  }
  return [seen, lines];
}
function light() {
  let litNodes = null, litEdges = new Set();
  if (chosen && chosen.node !== undefined) {
    const [after, forth] = reach([chosen.node], out, 'to');
    const [before, back] = reach([chosen.node], into, 'from');
    litNodes = new Set([...after, ...before]);
    litEdges = new Set([...forth, ...back]);
  } else if (chosen) {
    litEdges = new Set(chosen.edges);
    litNodes = new Set(chosen.edges.flatMap(at => [data.edges[at].from, data.edges[at].to]));
  } else if (search.value.trim()) {
    litNodes = new Set(hits);
  }
  world.classList.toggle('dimmed', litNodes !== null);
  nodes.forEach((element, at) => {
    element.classList.toggle('lit', litNodes !== null && litNodes.has(at));
    element.classList.toggle('chosen', chosen !== null && chosen.node === at);
  });
  edges.forEach(({ element, at }) => {
    element.classList.toggle('lit', litEdges.has(at));
    element.classList.toggle('chosen', chosen !== null && chosen.edges !== undefined && chosen.edges.includes(at));
  });
  labels.forEach(({ element, of }) => {
    element.classList.toggle('lit', of.some(at => litEdges.has(at)));
    element.classList.toggle('chosen', chosen !== null && chosen.edges !== undefined && of.every(at => chosen.edges.includes(at)));
  });
}
function choose(target) {
  const of = target.closest ? target.closest('[data-node], [data-edge], [data-edges]') : null;
  if (!of) { forget(); light(); return; }
  if (of.dataset.node !== undefined) chooseNode(Number(of.dataset.node));
  else chooseEdges((of.dataset.edges || of.dataset.edge).split(' ').map(Number));
}
function forget() {
  chosen = null;
  details.replaceChildren(...start());
}
function chooseNode(at) {
  chosen = { node: at };
  details.replaceChildren(...ofNode(at));
  light();
}
function chooseEdges(list) {
  chosen = { edges: list };
  details.replaceChildren(...ofEdges(list));
  light();
}

// --- details
const words = {
  runsAs: 'runs as', link: 'is linked with', actsAs: 'may act as', grant: 'has a role on', denied: 'is denied on',
  missing: 'lacks what it needs on', unverified: 'needs, and nobody can tell, on', memberOf: 'is one of', holds: 'has',
};
function make(tag, text, name) {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  if (name) element.className = name;
  return element;
}
function list(items, tag = 'code') {
  const element = make('ul');
  items.forEach(item => { const row = make('li'); row.append(make(tag, item)); element.append(row); });
  return element;
}
function go(at) {
  const button = make('button', data.nodes[at].name, 'go');
  button.title = data.nodes[at].id;
  button.addEventListener('click', () => { fit([areas[at]], view.scale); chooseNode(at); });
  return button;
}
function start() {
  return [make('p', 'Click a node, an edge or a label for what it is and the lines that declare it.', 'soft'),
    make('p', 'Drag to move, turn the wheel to zoom (with Shift: to move down), / to search, 0 for all.', 'soft')];
}
function ofNode(at) {
  const node = data.nodes[at];
  const parts = [make('h2', node.name), make('p', node.detail, 'soft')];
  const id = make('p'); id.append(make('code', node.id)); parts.push(id);
  (node.faults || []).forEach(text => parts.push(make('p', '! ' + text, 'bad')));
  parts.push(make('p', node.environments.length ? 'in ' + node.environments.join(', ') : 'in no environment', 'soft'));
  if (node.places) parts.push(make('h3', 'Declared or named at'), list(node.places));
  for (const [title, side, end] of [['Leads to', out, 'to'], ['Is reached by', into, 'from']]) {
    if (side[at].length === 0) continue;
    parts.push(make('h3', `${title} (${side[at].length})`));
    side[at].slice(0, 200).forEach(number => parts.push(line(number, end)));
  }
  return parts;
}
/** One edge, from the side of one of its ends. */
function line(number, end) {
  const edge = data.edges[number];
  const element = make('p');
  const word = end === 'to' ? `${words[edge.kind]} ` : '';
  element.append(word, go(edge[end]), end === 'from' ? ` ${words[edge.kind]} this` : '');
  if (edge.role) element.append(' ', make('code', edge.role));
  if (edge.tooBroad) element.append(' ', make('span', '! ' + edge.tooBroad, 'broad'));
  if (edge.fault) element.append(' ', make('span', '✗ ' + edge.fault, 'bad'));
  const more = make('button', 'details', 'go');
  more.addEventListener('click', () => chooseEdges([number]));
  element.append(' ', more);
  return element;
}
function ofEdges(numbers) {
  const first = data.edges[numbers[0]];
  const parts = [];
  if (numbers.length > 1) parts.push(make('h2', `${numbers.length} with ${first.role || words[first.kind]}`));
  numbers.slice(0, 100).forEach(at => {
    const edge = data.edges[at];
    const title = make('h3');
    title.append(go(edge.from), ` ${words[edge.kind]} `, go(edge.to));
    parts.push(title);
    if (edge.role) { const row = make('p'); row.append(make('code', edge.role)); parts.push(row); }
    if (edge.condition) { const row = make('p', 'while '); row.append(make('code', edge.condition)); parts.push(row); }
    if (edge.tooBroad) parts.push(make('p', '! too broad: ' + edge.tooBroad, 'broad'));
    if (edge.fault) parts.push(make('p', '✗ ' + edge.fault, 'bad'));
    if (edge.doubt) parts.push(make('p', '? ' + edge.doubt, 'soft'));
    if (edge.places) parts.push(make('p', 'declared at', 'soft'), list(edge.places));
    if (edge.needs) {
      parts.push(make('p', edge.kind === 'missing' ? 'missing' : 'needed for', 'soft'));
      parts.push(list(edge.needs.map(need => `${need.permission}: ${need.reason}${need.place ? ' (' + need.place + ')' : ''}`)));
    } else if (edge.kind === 'grant' && data.nodes[edge.from].kind.endsWith('Account')) parts.push(make('p', 'nothing in the trees is known to need it', 'soft'));
  });
  return parts;
}

nodes.forEach((element, at) => {
  element.setAttribute('tabindex', '0');
  element.setAttribute('role', 'button');
  element.setAttribute('aria-label', `${data.nodes[at].name}, ${data.nodes[at].detail}`);
});
details.replaceChildren(...start());
filter();
fitAll();
window.addEventListener('resize', show);
