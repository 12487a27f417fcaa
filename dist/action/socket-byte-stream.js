import { t as SwarmCacheError } from "./errors.js";
/**
* Makes a socket that is still to be connected read into one buffer again and again, where each piece
* would else be a buffer of its own, and those make the collector of garbage run all the time.
*/
var SocketReading = class {
	onread;
	#take;
	constructor() {
		let buffer = Buffer.allocUnsafeSlow(65536);
		this.onread = {
			buffer,
			callback: (count) => this.#take?.(buffer.subarray(0, count)) ?? !1
		};
	}
	/** Who gets the bytes, from before the first ones come. */
	deliverTo(take) {
		this.#take = take;
	}
}, SocketByteStream = class {
	source;
	#socket;
	#stallMs;
	#sink;
	/** Pieces that came when nobody took any. */
	#held = [];
	#ended;
	#corked = !1;
	#error;
	#drain;
	constructor(socket, options = {}) {
		this.#socket = socket, this.#stallMs = options.stallMs ?? 12e4, this.source = this.#read(), options.reading === void 0 ? (socket.on("data", (bytes) => {
			this.#deliver(bytes) || socket.pause();
		}), socket.pause()) : options.reading.deliverTo((bytes) => this.#deliver(bytes)), socket.on("end", () => this.#finish()), socket.on("error", (cause) => {
			this.#error ??= closed(cause);
		}), socket.on("drain", () => {
			this.#drain?.resolve(), this.#drain = void 0;
		}), socket.on("close", () => {
			this.#error ??= closed(), this.#drain?.reject(this.#error), this.#drain = void 0, this.#finish(this.#error);
		});
	}
	/** Calls back once the connection is gone. */
	onClosed(listener) {
		this.#socket.once("close", listener);
	}
	flowTo(sink) {
		return this.#sink = sink, this.#flow(), { resume: () => this.#sink === sink && this.#flow() };
	}
	/** The first bytes, before anything else reads; what came with them is kept for who reads next. */
	async first(count) {
		let taken = Buffer.allocUnsafeSlow(count), { promise, resolve, reject } = Promise.withResolvers(), filled = 0;
		return this.flowTo({
			take: (bytes) => {
				let part = bytes.subarray(0, count - filled);
				return taken.set(part, filled), filled += part.length, filled < count || (this.#sink = void 0, part.length < bytes.length && this.#held.unshift(new Uint8Array(bytes.subarray(part.length))), resolve(taken), !1);
			},
			end: (error) => reject(error ?? closed())
		}), await promise;
	}
	async write(bytes, onTaken) {
		if (this.#error !== void 0) throw this.#error;
		if (this.#socket.destroyed || this.#socket.writableEnded) throw closed();
		this.#corked || (this.#corked = !0, this.#socket.cork(), process.nextTick(() => {
			this.#corked = !1, this.#socket.uncork();
		}));
		let onWritten = onTaken && ((error) => error ?? onTaken());
		this.#socket.write(bytes, onWritten) || await this.#drained();
	}
	async closeWrite() {
		this.#socket.destroyed || await new Promise((resolve) => {
			this.#socket.once("close", resolve), this.#socket.end(resolve);
		});
	}
	abort(error) {
		this.#error ??= error ?? closed(), this.#socket.destroy();
	}
	/** False if nothing more is wanted for now; more may come all the same. */
	#deliver(bytes) {
		return this.#sink !== void 0 && this.#held.length === 0 ? this.#sink.take(bytes) : (this.#held.push(new Uint8Array(bytes)), !1);
	}
	#flow() {
		for (; this.#sink !== void 0 && this.#held.length > 0;) if (!this.#sink.take(this.#held.shift())) return;
		this.#ended === void 0 ? this.#socket.resume() : this.#sink?.end(this.#ended.error);
	}
	#finish(error) {
		this.#ended === void 0 && (this.#ended = { error }, this.#held.length === 0 && this.#sink?.end(error));
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
		let pieces = [], wake = () => {}, flow = this.flowTo({
			take: (bytes) => (pieces.push(new Uint8Array(bytes)), wake(), !1),
			end: () => wake()
		});
		try {
			for (;;) {
				let piece = pieces.shift();
				if (piece !== void 0) {
					yield piece;
					continue;
				}
				if (this.#ended?.error !== void 0) throw this.#ended.error;
				if (this.#ended !== void 0) return;
				let woken = new Promise((resolve) => wake = resolve);
				flow.resume(), await woken;
			}
		} finally {
			this.#ended === void 0 && this.abort();
		}
	}
};
function closed(cause) {
	return new SwarmCacheError("ERR_CLOSED", "The connection is closed.", { cause });
}
export { SocketReading as n, SocketByteStream as t };
