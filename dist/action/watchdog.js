/** Calls back once nothing was heard for a while; time in which this process itself stood still does not count. */
var Watchdog = class {
	#silenceMs;
	#onSilent;
	#heardMs = performance.now();
	#dueMs = 0;
	#timer;
	constructor(silenceMs, onSilent) {
		this.#silenceMs = silenceMs, this.#onSilent = onSilent, this.#wait(silenceMs);
	}
	heard() {
		this.#heardMs = performance.now();
	}
	[Symbol.dispose]() {
		clearTimeout(this.#timer);
	}
	#wait(milliseconds) {
		this.#dueMs = performance.now() + milliseconds, this.#timer = setTimeout(() => this.#check(), milliseconds), this.#timer.unref();
	}
	#check() {
		let nowMs = performance.now();
		nowMs - this.#dueMs > 500 && (this.#heardMs = nowMs);
		let leftMs = this.#heardMs + this.#silenceMs - nowMs;
		leftMs > 1 ? this.#wait(leftMs) : this.#onSilent();
	}
};
export { Watchdog as t };
