// <live-tail data-follows>…</live-tail>: has the part in it that is triggered by “tail” ask for what is new, as long as it
// follows and somebody can see the page. Its [data-toggle] begins and ends that; what has [data-when] shows in those of the
// states “paused”, “live” and “lost”; its [role=status] says what came, seldom enough to be listened to.
const EVERY_MS = 2000;
const SLOWEST_MS = 30000;
const SAID_EVERY_MS = 10000;

class LiveTail extends HTMLElement {
  connectedCallback() {
    this.toggle = this.querySelector("[data-toggle]");
    this.status = this.querySelector("[role=status]");
    this.toggle.onclick = (event) => this.press(event);
    this.look = () => (document.hidden ? clearTimeout(this.timer) : this.ask());
    document.addEventListener("visibilitychange", this.look);
    this.addEventListener("htmx:before:swap", (event) => this.before(event));
    this.addEventListener("htmx:after:swap", () => this.after());
    this.addEventListener("htmx:before:request", () => (this.failed = false));
    for (const name of ["htmx:error", "htmx:response:error"]) this.addEventListener(name, () => (this.failed = true));
    this.addEventListener("htmx:finally:request", () => this.answered());
    this.show("follows" in this.dataset ? "live" : "paused");
    this.begin();
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    clearTimeout(this.saying);
    document.removeEventListener("visibilitychange", this.look);
  }

  show(state) {
    this.state = state;
    for (const one of this.querySelectorAll("[data-when]")) one.hidden = !one.dataset.when.split(" ").includes(state);
  }

  press(event) {
    event.preventDefault();
    history.replaceState(history.state, "", this.toggle.href);
    [this.toggle.href, this.toggle.dataset.other] = [this.toggle.dataset.other, this.toggle.href];
    this.show(this.state === "paused" ? "live" : "paused");
    this.begin();
  }

  begin() {
    clearTimeout(this.timer);
    this.wait = EVERY_MS;
    this.since = new Date();
    this.came = 0;
    this.saidAt = 0;
    if (this.state !== "paused") this.timer = setTimeout(this.look, 0);
  }

  ask() {
    clearTimeout(this.timer);
    if (this.state === "paused" || this.isAsking) return;
    this.isAsking = true;
    this.querySelector("[hx-trigger=tail]").dispatchEvent(new Event("tail"));
  }

  answered() {
    this.isAsking = false;
    if (this.state === "paused") return;
    this.show(this.failed ? "lost" : "live");
    this.wait = this.failed ? Math.min(2 * this.wait, SLOWEST_MS) : EVERY_MS;
    if (!document.hidden) this.timer = setTimeout(this.look, this.wait);
  }

  // What was asked for before somebody paused it is not shown: they are reading.
  before(event) {
    if (this.state === "paused") event.preventDefault();
    else this.known = this.rows();
  }

  after() {
    const rows = this.rows();
    const fresh = [...rows].filter((id) => !this.known.has(id));
    for (const id of fresh) document.getElementById(id).classList.add("is-new");
    this.came += fresh.length;
    const missed = this.known.size > 0 && fresh.length === rows.size && this.querySelector("[rel=next]") !== null;
    if (fresh.length) this.say(missed);
  }

  rows() {
    return new Set([...this.querySelectorAll("tbody tr")].map((row) => row.id));
  }

  say(missed) {
    clearTimeout(this.saying);
    const wait = this.saidAt + SAID_EVERY_MS - Date.now();
    if (missed) this.status.textContent = "More came at once than there is room for. The others are under “Older”.";
    else if (wait > 0) this.saying = setTimeout(() => this.say(false), wait);
    else {
      this.saidAt = Date.now();
      this.status.textContent = `${this.came} new since ${this.since.toISOString().slice(11, 19)} UTC`;
    }
  }
}

customElements.define("live-tail", LiveTail);
