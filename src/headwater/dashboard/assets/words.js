/* Numbers and states as people say them. */

export const STATES = {
  live: "Live",
  silent: "Silent",
  waiting: "Waiting",
  starting: "Starting",
  down: "Down",
  idle: "On demand",
};

export function bitRate(bits_per_s) {
  return scaled(bits_per_s, ["b/s", "kb/s", "Mb/s", "Gb/s", "Tb/s"]);
}

export function size(bytes) {
  return scaled(bytes, ["B", "kB", "MB", "GB", "TB"]);
}

function scaled(value, units) {
  let number = value;
  let unit = 0;
  while (number >= 999.5 && unit < units.length - 1) {
    number /= 1000;
    unit += 1;
  }
  return `${Number(number.toPrecision(2))} ${units[unit]}`;
}

export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  for (const [unit, below, length, part] of [["d", "h", 86400, 3600], ["h", "min", 3600, 60]]) {
    if (whole >= length) {
      return `${Math.floor(whole / length)} ${unit} ${Math.floor((whole % length) / part)} ${below}`;
    }
  }
  return whole >= 60 ? `${Math.floor(whole / 60)} min` : `${whole} s`;
}

export function percent(share) {
  if (!share) return "0 %";
  return share < 0.001 ? "< 0.1 %" : `${Number((share * 100).toPrecision(2))} %`;
}

export function count(number, one, more = `${one}s`) {
  return `${number} ${number === 1 ? one : more}`;
}

/** A path as people name it. */
export function nameOf(path) {
  return path.replace(/^\/+/, "");
}

/** The address of something of a mount, below `/` or below `/v1/mounts`. */
export function addressOf(path, behind = "", before = "") {
  const parts = nameOf(path).split("/").map(encodeURIComponent).join("/");
  return `${before}/${parts}${behind}`;
}

/** What the server says, as a sentence; its marks for code are for terminals. */
export function sentence(said) {
  const text = said?.replaceAll("`", "");
  return text ? capital(text) + (/[.!?…]$/.test(text) ? "" : ".") : "";
}

export function capital(text) {
  return text && text[0].toUpperCase() + text.slice(1);
}
