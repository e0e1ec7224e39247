// <guess-slider><label>…</label><input name="calls"></guess-slider>: adds a slider over three digits of magnitude, for
// whoever would rather slide than type. The number is what is sent; without scripts there is only that.
const LEAST = 100;
const STEPS_PER_TENFOLD = 20;
const STEPS = STEPS_PER_TENFOLD * 5;

class GuessSlider extends HTMLElement {
  connectedCallback() {
    if (this.querySelector("[type=range]")) return;
    const number = this.querySelector("input");
    const range = document.createElement("input");
    Object.assign(range, { type: "range", min: 0, max: STEPS, step: 1, value: this.step(number.value) });
    range.setAttribute("aria-label", `${this.querySelector("label").textContent}, as a slider`);
    range.oninput = () => (number.value = this.calls(range.value).toLocaleString("en-GB"));
    number.oninput = () => (range.value = this.step(number.value));
    this.append(range);
  }

  // Two leading digits are enough for a guess.
  calls(step) {
    const exact = LEAST * 10 ** (step / STEPS_PER_TENFOLD);
    return Number(exact.toPrecision(2));
  }

  step(text) {
    const calls = Number(text.replace(/[, ]/g, "")) || LEAST;
    return Math.round(STEPS_PER_TENFOLD * Math.log10(Math.max(calls, LEAST) / LEAST));
  }
}

customElements.define("guess-slider", GuessSlider);
