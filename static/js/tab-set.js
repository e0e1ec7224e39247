// <tab-set> holds a list of links and the sections they lead to; this makes tabs of them, after the ARIA pattern:
// one stop for the Tab key, arrows, Home and End move between them, and the panel follows at once.
class TabSet extends HTMLElement {
  connectedCallback() {
    const list = this.querySelector(".tabs__list");
    this.tabs = [...list.children];
    list.setAttribute("role", "tablist");
    list.setAttribute("aria-label", this.getAttribute("aria-label"));
    for (const tab of this.tabs) {
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-controls", this.panel(tab).id);
      this.panel(tab).setAttribute("role", "tabpanel");
      tab.onclick = (event) => {
        event.preventDefault();
        this.show(tab);
      };
    }
    list.onkeydown = (event) => this.move(event);
    this.removeAttribute("aria-label");
    this.show(this.tabs.find((tab) => tab.hash === location.hash) ?? this.tabs[0]);
  }

  panel(tab) {
    return this.querySelector(tab.hash);
  }

  show(chosen) {
    for (const tab of this.tabs) {
      tab.setAttribute("aria-selected", tab === chosen);
      tab.tabIndex = tab === chosen ? 0 : -1;
      this.panel(tab).hidden = tab !== chosen;
    }
  }

  move(event) {
    const at = this.tabs.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    const tab = this.tabs.at(to % this.tabs.length);
    this.show(tab);
    tab.focus();
  }
}

customElements.define("tab-set", TabSet);
