/* Tables of the workers of the server and of the nodes of its cluster, where there are several. */

import {button, tell} from "./dom.js";
import {element} from "./elements.js";
import {duration, percent, size} from "./words.js";

class Table {
  #place;
  #columns;
  #rows = element("tbody", {role: "rowgroup"});
  /** The button that leads to the table, which is below all streams. */
  opener;

  /* Narrow windows show each row as a block, which is a table to a screen reader by its roles alone. */
  constructor(place, name, title, columns) {
    this.#place = place;
    this.#columns = columns;
    const heads = columns.map((head) => element("th", {scope: "col", role: "columnheader"}, head));
    place.replaceChildren(
      element("h2", {id: `${place.id}-title`}, title),
      element("table", {role: "table", "aria-labelledby": `${place.id}-title`},
        element("thead", {role: "rowgroup"}, element("tr", {role: "row"}, ...heads)), this.#rows));
    this.opener = button(name, () => {
      place.scrollIntoView({block: "start"});
      place.focus({preventScroll: true});
    }, {class: "quiet", hidden: true, "aria-controls": place.id});
  }

  show(rows) {
    this.#place.hidden = this.opener.hidden = !rows.length;
    while (this.#rows.children.length > rows.length) this.#rows.lastChild.remove();
    rows.forEach((values, number) => {
      const row = this.#rows.children[number] ?? this.#rows.appendChild(this.#newRow());
      values.forEach((value, column) => tell(row.children[column], String(value)));
    });
  }

  #newRow() {
    const others = this.#columns.slice(1).map((name) => element("td", {role: "cell", "data-name": name}));
    return element("tr", {role: "row"}, element("th", {scope: "row", role: "rowheader"}), ...others);
  }
}

export class Workers {
  #table;
  /* What each had used of a processor at the last look, by name and process. */
  #used = new Map();
  #at_s = 0;

  constructor(place) {
    this.#table = new Table(place, "Workers", "Workers", [
      "Worker", "Core used", "Streams", "Sessions", "Memory", "Connections", "Taken from others",
      "Process", "Up",
    ]);
  }

  get opener() {
    return this.#table.opener;
  }

  /** Show those of the server now; none where one process serves alone, or we may not know. */
  take(workers, now_s) {
    const passed_s = now_s - this.#at_s;
    const used = new Map();
    this.#table.show(workers.map((worker) => {
      const key = `${worker.name} ${worker.pid}`;
      const used_s = worker.cpu_user_s + worker.cpu_system_s;
      used.set(key, used_s);
      const before_s = this.#used.get(key);
      const known = before_s !== undefined && passed_s > 0;
      return [
        worker.name, known ? percent(Math.max(0, (used_s - before_s) / passed_s)) : "–",
        worker.mounts - worker.pulled_mounts, worker.sessions,
        worker.memory_bytes === null ? "–" : size(worker.memory_bytes),
        worker.connections, worker.pulled_mounts, worker.pid, duration(worker.uptime_s),
      ];
    }));
    this.#used = used;
    this.#at_s = now_s;
  }
}

export class Nodes {
  #table;

  constructor(place) {
    this.#table = new Table(place, "Nodes", "Nodes of the cluster", [
      "Node", "Core used", "Streams", "Readers", "State", "Workers", "Taken from others", "Version", "Up", "Address",
    ]);
  }

  get opener() {
    return this.#table.opener;
  }

  /** Show those that live; none where the server is alone, or we may not know. */
  take(nodes) {
    this.#table.show(nodes.map((node) => [
      node.is_here ? `${node.name} (this one)` : node.name, percent(node.busy_share), node.mounts,
      node.readers, node.state, node.workers, node.pulled_mounts, node.version,
      duration(node.uptime_s), node.url,
    ]));
  }
}
