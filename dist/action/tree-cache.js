import { t as assertKeys } from "./cache-key.js";
import { i as inputError, r as errorMessage } from "./errors.js";
import { t as abortable } from "./deadline.js";
// src/cache/background.ts
/** Work that a request starts but does not wait for. */
var Background = class {
	#logger;
	#running = /* @__PURE__ */ new Set();
	#controller = new AbortController();
	constructor(logger) {
		this.#logger = logger;
	}
	/** Starts `work`; its failure becomes a warning. */
	start(what, work) {
		let running = work(this.#controller.signal).catch((error) => {
			this.#logger.log("warning", `${what} did not succeed: ${errorMessage(error)}`);
		}).finally(() => this.#running.delete(running));
		this.#running.add(running);
	}
	/** Waits until everything started so far has ended; when the signal aborts, ends it instead. */
	async settle(signal) {
		let all = Promise.all(this.#running).then(() => {});
		if (signal === void 0) return await all;
		try {
			await abortable(all, signal);
		} catch (error) {
			this.#controller.abort(error), await all;
		}
	}
}, TreeCache = class {
	#parts;
	#options;
	#background;
	constructor(parts, options) {
		this.#parts = parts, this.#options = options, this.#background = new Background(parts.logger);
	}
	async restore(paths, key, restoreKeys = [], options = {}) {
		assertPaths(paths), assertKeys(key, restoreKeys);
		let { Restore } = await import("./restore.js");
		return await new Restore({
			...this.#parts,
			background: this.#background
		}, {
			...this.#options,
			...definedOf(options)
		}).run(paths, key, restoreKeys);
	}
	async save(paths, key, options = {}) {
		assertPaths(paths), assertKeys(key);
		let { Save } = await import("./save.js");
		return await new Save(this.#parts, {
			...this.#options,
			...definedOf(options)
		}).run(paths, key);
	}
	async settle(options = {}) {
		await this.#background.settle(options.signal);
	}
};
function assertPaths(paths) {
	if (paths.every((path) => path.trim() === "")) throw inputError("No path was given. Name at least one file, folder or pattern to cache.");
}
/** The options that are set, so that an undefined one does not hide a default. */
function definedOf(options) {
	return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== void 0));
}
export { TreeCache };
