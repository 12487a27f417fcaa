import { t as I } from "./index.min.js";
// src/api-cache/quota-board.ts
const SAME_WINDOW_MS = 1e4;
/** What was seen of quotas, here and (as told by `saw`) elsewhere. */
var QuotaBoard = class {
	#states = new I({ max: 2e3 });
	#listeners = /* @__PURE__ */ new Set();
	get(name) {
		let state = this.#states.get(name);
		return state === void 0 || state.reset <= Date.now() ? void 0 : state;
	}
	saw(name, state) {
		let known = this.get(name);
		if (known === void 0 || isNews(state, known)) {
			this.#states.set(name, state);
			for (let listener of this.#listeners) listener(name, state);
		}
	}
	listen(listener) {
		return this.#listeners.add(listener), () => {
			this.#listeners.delete(listener);
		};
	}
};
/** Answers overtake each other, so within a window the lowest count is the latest. */
function isNews(state, known) {
	return state.reset > known.reset + SAME_WINDOW_MS ? !0 : state.reset < known.reset - SAME_WINDOW_MS ? !1 : state.remaining < known.remaining;
}
export { QuotaBoard as t };
