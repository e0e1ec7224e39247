// <copy-button for="id"><button>…<span>Copy</span></button></copy-button>: copies the text of #id and says “Copied”.
// Where the clipboard is refused, the text is selected instead and the button says what to press.
class CopyButton extends HTMLElement {
  connectedCallback() {
    const button = this.querySelector("button");
    button.querySelector("span").setAttribute("aria-live", "polite");
    button.onclick = () => this.copy(button.querySelector("span"));
  }

  async copy(label) {
    const source = document.getElementById(this.getAttribute("for"));
    this.words ??= label.textContent;
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
      label.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(source);
      label.textContent = /Mac|iP/.test(navigator.platform) ? "Press ⌘C" : "Press Ctrl+C";
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (label.textContent = this.words), 2500);
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
  }
}

customElements.define("copy-button", CopyButton);
