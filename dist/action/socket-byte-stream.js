import { t as SwarmCacheError } from "./errors.js";
/** A connected socket as a byte stream; writes of one turn of the event loop leave in one system call. */
var SocketByteStream = class {
	source;
	#socket;
	#stallMs;
	#corked = !1;
	#error;
	#drain;
	constructor(socket, options = {}) {
		this.#socket = socket, this.#stallMs = options.stallMs ?? 12e4, this.source = this.#read(), socket.on("error", (cause) => {
			this.#error ??= closed(cause);
		}), socket.on("drain", () => {
			this.#drain?.resolve(), this.#drain = void 0;
		}), socket.on("close", () => {
			this.#error ??= closed(), this.#drain?.reject(this.#error), this.#drain = void 0;
		});
	}
	async write(bytes) {
		if (this.#error !== void 0) throw this.#error;
		if (this.#socket.destroyed || this.#socket.writableEnded) throw closed();
		this.#corked || (this.#corked = !0, this.#socket.cork(), process.nextTick(() => {
			this.#corked = !1, this.#socket.uncork();
		})), this.#socket.write(bytes) || await this.#drained();
	}
	async closeWrite() {
		this.#socket.destroyed || await new Promise((resolve) => {
			this.#socket.once("close", resolve), this.#socket.end(resolve);
		});
	}
	abort(error) {
		this.#error ??= error ?? closed(), this.#socket.destroy();
	}
	async #drained() {
		this.#drain ??= Promise.withResolvers();
		let { promise } = this.#drain, timer = setTimeout(() => {
			this.abort(new SwarmCacheError("ERR_TIMEOUT", `The other side took nothing for ${this.#stallMs} ms.`));
		}, this.#stallMs);
		try {
			await promise;
		} finally {
			clearTimeout(timer);
		}
	}
	async *#read() {
		try {
			yield* this.#socket;
		} catch (cause) {
			throw this.#error ?? closed(cause);
		}
	}
};
function closed(cause) {
	return new SwarmCacheError("ERR_CLOSED", "The connection is closed.", { cause });
}
export { SocketByteStream as t };
