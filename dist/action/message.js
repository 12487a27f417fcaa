import { t as SwarmCacheError } from "./errors.js";
// src/core/message.ts
const EMPTY = /* @__PURE__ */ new Uint8Array();
/** Writes messages to and reads them from a stream. Layout: u32 header bytes, u32 body bytes, both big endian, header as JSON, body. */
var MessageStream = class {
	#stream;
	#limits;
	#reader;
	#pending = [];
	#pendingBytes = 0;
	constructor(stream, limits) {
		this.#stream = stream, this.#limits = limits, this.#reader = stream.source[Symbol.asyncIterator]();
	}
	/** Sends one message; resolves when the next may be sent. */
	async write(header, body = EMPTY) {
		let head = Buffer.from(JSON.stringify(header)), together = body.length <= 4096, start = Buffer.allocUnsafe(8 + head.length + (together ? body.length : 0));
		start.writeUInt32BE(head.length, 0), start.writeUInt32BE(body.length, 4), start.set(head, 8), together && start.set(body, 8 + head.length), await this.#stream.write(start), together || await this.#stream.write(body);
	}
	/**
	* The next message, or undefined at a clean end between two messages.
	*
	* @throws ERR_CLOSED if the stream ends inside a message, ERR_FRAME if the header is not a JSON object or a size is
	* over the limits.
	*/
	async read() {
		let prefix = await this.#take(8, !0);
		if (prefix === void 0) return;
		let view = new DataView(prefix.buffer, prefix.byteOffset, 8), headerBytes = view.getUint32(0), bodyBytes = view.getUint32(4);
		if (headerBytes > this.#limits.headerBytes || bodyBytes > this.#limits.bodyBytes) throw malformed(`a message announces ${headerBytes} + ${bodyBytes} bytes`);
		return {
			header: parseHeader(await this.#take(headerBytes, !1) ?? EMPTY),
			body: (bodyBytes === 0 ? EMPTY : await this.#take(bodyBytes, !1)) ?? EMPTY
		};
	}
	/** Closes the writing half. */
	async closeWrite() {
		await this.#stream.closeWrite();
	}
	/** Ends the conversation at once. */
	abort(error) {
		this.#stream.abort(error);
	}
	/** Exactly `count` bytes; undefined if the stream ended before the first one and `mayEnd`. */
	async #take(count, mayEnd) {
		for (; this.#pendingBytes < count;) {
			let next = await this.#reader.next();
			if (next.done === !0) {
				if (mayEnd && this.#pendingBytes === 0) return;
				throw new SwarmCacheError("ERR_CLOSED", "The other side ended inside a message.");
			}
			next.value.length !== 0 && (this.#pending.push(next.value), this.#pendingBytes += next.value.length);
		}
		this.#pendingBytes -= count;
		let first = this.#pending[0];
		if (first !== void 0 && first.length >= count) return first.length === count ? this.#pending.shift() : this.#pending[0] = first.subarray(count), first.subarray(0, count);
		let taken = new Uint8Array(count), offset = 0;
		for (; offset < count;) {
			let piece = this.#pending[0], part = piece.subarray(0, count - offset);
			taken.set(part, offset), offset += part.length, part.length === piece.length ? this.#pending.shift() : this.#pending[0] = piece.subarray(part.length);
		}
		return taken;
	}
};
function parseHeader(bytes) {
	let value;
	try {
		value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8"));
	} catch (cause) {
		throw malformed("a header is not JSON", cause);
	}
	if (typeof value != "object" || !value || Array.isArray(value)) throw malformed("a header is not a JSON object");
	return value;
}
function malformed(why, cause) {
	return new SwarmCacheError("ERR_FRAME", `The conversation is malformed: ${why}.`, { cause });
}
export { MessageStream as t };
