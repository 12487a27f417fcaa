import { t as SwarmCacheError } from "./errors.js";
import { t as freeMemory } from "./free-memory.js";
const NOTHING = Buffer.alloc(0);
/**
* Makes messages of bytes that come in pieces of any size.
*
* A body is copied into a buffer of its own as its pieces come, so that a piece may be overwritten afterwards and
* a body be freed on its own. Sizes are checked before anything is allocated.
*/
var MessageParser = class {
	#limits;
	#onMessage;
	#prefix = Buffer.allocUnsafe(8);
	#head;
	#header;
	#body = NOTHING;
	/** Bytes of the part (prefix, header or body) that is being read. */
	#filled = 0;
	constructor(limits, onMessage) {
		this.#limits = limits, this.#onMessage = onMessage;
	}
	/** True between two messages. */
	get isBetween() {
		return this.#head === void 0 && this.#filled === 0;
	}
	/** @throws ERR_FRAME if the header is not a JSON object or a size is over the limits; nothing may be put in then. */
	put(bytes) {
		let at = 0;
		for (; at < bytes.length;) {
			let part = this.#part(), count = Math.min(part.length - this.#filled, bytes.length - at);
			part.set(bytes.subarray(at, at + count), this.#filled), at += count, this.#filled += count, this.#filled === part.length && this.#advance();
		}
	}
	/** Drops what has come of an unfinished message. */
	clear() {
		freeMemory(this.#body), this.#start();
	}
	#part() {
		return this.#head === void 0 ? this.#prefix : this.#header === void 0 ? this.#head : this.#body;
	}
	#advance() {
		if (this.#filled = 0, this.#head === void 0) {
			let headerBytes = this.#prefix.readUInt32BE(0), bodyBytes = this.#prefix.readUInt32BE(4);
			if (headerBytes > this.#limits.headerBytes || bodyBytes > this.#limits.bodyBytes) throw malformed(`a message announces ${headerBytes} + ${bodyBytes} bytes`);
			if (headerBytes === 0) throw malformed("a header is not JSON");
			this.#head = Buffer.allocUnsafe(headerBytes);
			return;
		}
		if (this.#header === void 0) {
			this.#header = parseHeader(this.#head);
			let bodyBytes = this.#prefix.readUInt32BE(4);
			if (bodyBytes > 0) {
				this.#body = Buffer.allocUnsafeSlow(bodyBytes);
				return;
			}
		}
		let message = {
			header: this.#header,
			body: this.#body
		};
		this.#start(), this.#onMessage(message);
	}
	#start() {
		this.#head = void 0, this.#header = void 0, this.#body = NOTHING, this.#filled = 0;
	}
};
function parseHeader(bytes) {
	let value;
	try {
		value = JSON.parse(bytes.toString("utf8"));
	} catch (cause) {
		throw malformed("a header is not JSON", cause);
	}
	if (typeof value != "object" || !value || Array.isArray(value)) throw malformed("a header is not a JSON object");
	return value;
}
function malformed(why, cause) {
	return new SwarmCacheError("ERR_FRAME", `The conversation is malformed: ${why}.`, { cause });
}
// src/core/message.ts
const EMPTY = /* @__PURE__ */ new Uint8Array();
/** Writes messages to and reads them from a stream. Layout: u32 header bytes, u32 body bytes, both big endian, header as JSON, body. */
var MessageStream = class {
	#stream;
	#parser;
	#waiting = [];
	#waitingBytes = 0;
	#receivedBytes = 0;
	#source;
	#flow;
	#isPaused = !1;
	#ended;
	#wake;
	constructor(stream, limits) {
		this.#stream = stream, this.#parser = new MessageParser(limits, (message) => {
			this.#waiting.push(message), this.#waitingBytes += message.body.length;
		}), stream.flowTo === void 0 && (this.#source = stream.source[Symbol.asyncIterator]());
	}
	/** Bytes that have come so far, unfinished messages included. */
	get receivedBytes() {
		return this.#receivedBytes;
	}
	/** Sends one message; resolves when the next may be sent. `onTaken` is called once `body` is not needed any more. */
	async write(header, body = EMPTY, onTaken) {
		let head = JSON.stringify(header), headBytes = Buffer.byteLength(head), together = body.length <= 4096, start = Buffer.allocUnsafe(8 + headBytes + (together ? body.length : 0));
		start.writeUInt32BE(headBytes, 0), start.writeUInt32BE(body.length, 4), start.write(head, 8), together ? (start.set(body, 8 + headBytes), onTaken?.(), await this.#stream.write(start)) : (await this.#stream.write(start), await this.#stream.write(body, onTaken));
	}
	/**
	* The next message, or undefined at a clean end between two messages.
	*
	* @throws ERR_CLOSED if the stream ends inside a message, ERR_FRAME if the header is not a JSON object or a size is
	* over the limits.
	*/
	async read() {
		for (;;) {
			let message = this.#waiting.shift();
			if (message !== void 0) return this.#waitingBytes -= message.body.length, this.#isPaused && this.#hasRoom && this.#resume(), message;
			if (this.#ended !== void 0) {
				if (this.#ended.error !== void 0) throw this.#ended.error;
				return;
			}
			await this.#more();
		}
	}
	/** Closes the writing half. */
	async closeWrite() {
		await this.#stream.closeWrite();
	}
	/** Ends the conversation at once; what was not read yet is dropped. */
	abort(error) {
		for (let { body } of this.#waiting.splice(0)) freeMemory(body);
		this.#waitingBytes = 0, this.#stream.abort(error);
	}
	get #hasRoom() {
		return this.#waitingBytes < 262144 && this.#waiting.length < 64;
	}
	async #more() {
		if (this.#source !== void 0) {
			let next = await this.#source.next();
			next.done === !0 ? this.#end() : this.#take(next.value);
			return;
		}
		let woken = new Promise((resolve) => this.#wake = resolve);
		this.#flow ??= this.#stream.flowTo({
			take: (bytes) => this.#take(bytes),
			end: (error) => this.#end(error)
		}), await woken;
	}
	/** False if the reader has enough to do. */
	#take(bytes) {
		if (this.#ended !== void 0) return !1;
		this.#receivedBytes += bytes.length;
		try {
			this.#parser.put(bytes);
		} catch (error) {
			this.#ended = { error };
		}
		return (this.#waiting.length > 0 || this.#ended !== void 0) && this.#wake?.(), this.#isPaused = this.#ended !== void 0 || !this.#hasRoom, !this.#isPaused;
	}
	#resume() {
		this.#isPaused = !1, this.#flow?.resume();
	}
	#end(error) {
		let cut = this.#parser.isBetween ? void 0 : new SwarmCacheError("ERR_CLOSED", "The other side ended inside a message.");
		this.#ended ??= { error: error ?? cut }, this.#parser.clear(), this.#wake?.();
	}
};
export { MessageStream as t };
