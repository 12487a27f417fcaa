// src/registry/github-holdoff.ts
const JITTER = .25;
/** Whether one kind of request may be made now, as the answers so far allow. */
var Holdoff = class {
	#now;
	#until = 0;
	#refusals = 0;
	#failures = 0;
	#forbidden = !1;
	constructor(now) {
		this.#now = now;
	}
	get mayCall() {
		return !this.ended && this.#now() >= this.#until;
	}
	/** True if no such request is made any more. */
	get ended() {
		return this.#forbidden || this.#refusals >= 5;
	}
	succeeded() {
		this.#refusals = 0, this.#failures = 0;
	}
	/** The service asked to wait; each time in a row twice as long as it says. */
	limited(waitMs) {
		let askedMs = Math.max(waitMs ?? 6e4, 1e3) * 2 ** this.#refusals;
		this.#refusals += 1, this.#until = this.#now() + Math.min(askedMs, 36e5) * (1 + JITTER * 2 * Math.random());
	}
	/** The credentials do not allow it, which does not change. */
	forbidden() {
		this.#forbidden = !0;
	}
	/** No usable answer came: tried again after a growing while. */
	failed() {
		let waitMs = Math.min(5e3 * 2 ** Math.min(this.#failures, 20), 3e5);
		this.#failures += 1, this.#until = this.#now() + waitMs * (1 + JITTER * (2 * Math.random() - 1));
	}
};
/** Milliseconds that a Retry-After header asks to wait; undefined if it says nothing usable. */
function parseRetryAfter(value, now) {
	if (value == null) return;
	if (/^\d{1,9}$/.test(value)) return Number(value) * 1e3;
	let date = Date.parse(value);
	return Number.isNaN(date) ? void 0 : Math.max(0, date - now);
}
export { parseRetryAfter as n, Holdoff as t };
