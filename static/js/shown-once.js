// <shown-once>…</shown-once>: what is in it is gone once the reader leaves, also when the browser keeps the page in its
// memory to show it again at “Back”: then the page is asked for anew, without it.
class ShownOnce extends HTMLElement {
  connectedCallback() {
    this.leave = (event) => event.persisted && this.replaceChildren();
    this.comeBack = (event) => event.persisted && location.reload();
    addEventListener("pagehide", this.leave);
    addEventListener("pageshow", this.comeBack);
  }

  disconnectedCallback() {
    removeEventListener("pagehide", this.leave);
    removeEventListener("pageshow", this.comeBack);
  }
}

customElements.define("shown-once", ShownOnce);
