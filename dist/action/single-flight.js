// src/async/single-flight.ts
/** Callers that ask for the same key at the same time share one piece of work. */
var SingleFlight = class {
	#running = /* @__PURE__ */ new Map();
	/** The result of the work under way for `key`, started by `work` if there is none. */
	run(key, work) {
		let running = this.#running.get(key);
		if (running !== void 0) return running;
		let started = work().finally(() => this.#running.delete(key));
		return this.#running.set(key, started), started;
	}
};
export { SingleFlight as t };
