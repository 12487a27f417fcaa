import { t as digestOf } from "./digest.js";
import { n as errnoOf } from "./errors.js";
import { a as pathError, i as freeMemory, s as fsPath } from "./worker-thread.js";
import { hash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
// src/archive/file-reader.ts
/** Whether a file was read as the scan had found it. */
const FILE_STATE = {
	AS_FOUND: 0,
	CHANGED: 1,
	VANISHED: 2
}, READ_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0), GONE = /* @__PURE__ */ new Set([
	"ENOENT",
	"ENOTDIR",
	"ELOOP",
	"EISDIR",
	"ENXIO",
	"EAGAIN"
]);
/** Reads one file or a part of it, and notices if it is not what the scan found. */
var FileReader = class {
	#path;
	#part;
	#fd;
	#state = FILE_STATE.AS_FOUND;
	bytesRead = 0;
	done = !1;
	/** @throws ERR_PATH if the file is there but cannot be opened. */
	constructor(path, part) {
		this.#path = path, this.#part = part;
		try {
			this.#fd = openSync(fsPath(path), READ_FLAGS);
		} catch (error) {
			this.#fail(error);
		}
	}
	get state() {
		return this.#state;
	}
	/**
	* Fills `buffer` from `start` on and returns how many bytes were read; less than there was room for
	* only when `done`.
	*/
	read(buffer, start) {
		let { bytes, offset, last } = this.#part, filled = start;
		try {
			for (; !this.done && filled < buffer.length;) {
				let missing = bytes - this.bytesRead, wanted = last ? missing >= 0 ? missing + 1 : 1e400 : missing, room = Math.min(wanted, buffer.length - filled), position = offset === 0 && last ? null : offset + this.bytesRead, count = readSync(this.#fd, buffer, filled, room, position);
				filled += count, this.bytesRead += count, (count === 0 || (last ? count < room : this.bytesRead === bytes)) && this.#finish();
			}
		} catch (error) {
			this.#fail(error);
		}
		return filled - start;
	}
	#finish() {
		let { bytes, seconds, nanos } = this.#part, found = seconds * 1e3 + nanos / 1e6, stats = fstatSync(this.#fd), touched = Math.abs(stats.mtimeMs - found) > 5e-4;
		(this.bytesRead !== bytes || touched || !stats.isFile()) && (this.#state = FILE_STATE.CHANGED), this.done = !0;
	}
	#fail(error) {
		if (this.done = !0, !GONE.has(errnoOf(error) ?? "")) throw pathError("read", this.#path, error);
		this.#state = this.bytesRead === 0 ? FILE_STATE.VANISHED : FILE_STATE.CHANGED;
	}
	[Symbol.dispose]() {
		this.#fd !== void 0 && closeSync(this.#fd), this.#fd = void 0;
	}
};
// src/archive/fastcdc.ts
const GEAR = gearTable(), GEAR_SHIFTED = GEAR.map((value) => value << 1);
/** 256 fixed numbers: the cuts, and with them what deduplicates, depend on each of them. */
function gearTable() {
	return Int32Array.from({ length: 256 }, (_, byte) => hash("sha256", `swarmcache gear 1 ${byte}`, "buffer").readInt32LE());
}
/** The fingerprint between the two halves of a search, and whether it has ended; single-threaded use. */
const found = {
	fingerprint: 0,
	isCut: !1
};
/**
* Where the chunk that starts at `start` ends.
*
* FastCDC with a gear hash, two bytes a step (Xia et al., IEEE TPDS 2020). `end` is the end of what is
* left to cut, or at least MAX_CONTENT_CHUNK_BYTES away.
*/
function nextCut(bytes, start, end) {
	if (end - start <= 32768) return end;
	let limit = Math.min(end, start + 524288), middle = Math.min(limit, start + 131072);
	found.fingerprint = 0;
	let place = search(bytes, start + 32768, middle, 2147479552);
	if (found.isCut) return place;
	let later = search(bytes, place, limit, 2147418112);
	return found.isCut ? later : limit;
}
function search(bytes, start, end, mask) {
	let gear = GEAR, gearShifted = GEAR_SHIFTED, maskShifted = mask << 1, fingerprint = found.fingerprint, i = start;
	for (found.isCut = !0; i + 1 < end; i += 2) {
		if (fingerprint = (fingerprint << 2) + gearShifted[bytes[i]] | 0, (fingerprint & maskShifted) === 0) return i + 1;
		if (fingerprint = fingerprint + gear[bytes[i + 1]] | 0, (fingerprint & mask) === 0) return i + 2;
	}
	return found.fingerprint = fingerprint, found.isCut = !1, i;
}
/** Reads, cuts, hashes and compresses one segment at a time, with a fixed amount of memory. */
var SegmentPacker = class {
	#port;
	#makeFrame;
	#buffer = Buffer.allocUnsafeSlow(4194304);
	#chunks = [];
	constructor(port, makeFrame) {
		this.#port = port, this.#makeFrame = makeFrame;
	}
	/** @throws ERR_PATH naming a file that cannot be read, or what the port throws. */
	async pack(job) {
		let { numbers } = job, paths = job.paths.split("\0"), sizes = new Float64Array(paths.length), states = new Uint8Array(paths.length);
		this.#chunks = [];
		let filled = 0;
		for (let [i, path] of paths.entries()) {
			let at = i * 5;
			using reader = new FileReader(path, {
				offset: numbers[at],
				bytes: numbers[at + 1],
				seconds: numbers[at + 2],
				nanos: numbers[at + 3],
				last: numbers[at + 4] === 1
			});
			for (; filled += reader.read(this.#buffer, filled), !reader.done;) filled = await this.#flush(filled, !1);
			sizes[i] = reader.bytesRead, states[i] = reader.state;
		}
		return await this.#flush(filled, !0), {
			chunks: this.#chunks,
			sizes,
			states
		};
	}
	/** Packs content that is in memory already. */
	async packBytes(bytes) {
		return this.#chunks = [], await this.#packWindow(bytes, bytes.length, !0), this.#chunks;
	}
	/** Packs content as it arrives. */
	async packStream(content) {
		this.#chunks = [];
		let filled = 0;
		for await (let bytes of content) for (let taken = 0; taken < bytes.length;) {
			let part = bytes.subarray(taken, taken + this.#buffer.length - filled);
			this.#buffer.set(part, filled), taken += part.length, filled += part.length, filled === this.#buffer.length && (filled = await this.#flush(filled, !1));
		}
		return await this.#flush(filled, !0), this.#chunks;
	}
	/** Packs what is in the buffer as far as cuts are certain; returns how much is left at its start. */
	async #flush(filled, isEnd) {
		let done = await this.#packWindow(this.#buffer, filled, isEnd);
		return this.#buffer.copyWithin(0, done, filled), filled - done;
	}
	async #packWindow(window, end, isEnd) {
		let plains = [], chunks = [], start = 0;
		for (; start < end && (isEnd || end - start >= 524288);) {
			let cut = nextCut(window, start, end), plain = window.subarray(start, cut);
			plains.push(plain), chunks.push({
				digest: digestOf(plain),
				bytes: plain.length
			}), start = cut;
		}
		return chunks.length > 0 && await this.#putNew(chunks, plains), start;
	}
	async #putNew(chunks, plains) {
		for (let chunk of chunks) this.#chunks.push(chunk);
		let wanted = await this.#port.ask(chunks), frames = [];
		for (let [i, chunk] of chunks.entries()) wanted[i] === !0 && frames.push(this.#compress(chunk, plains[i]));
		frames.length > 0 && await this.#port.put(await Promise.all(frames));
	}
	async #compress(chunk, plain) {
		let roomy = await this.#makeFrame(plain), frame = new Uint8Array(roomy);
		return freeMemory(roomy), {
			...chunk,
			frame
		};
	}
};
export { FILE_STATE as n, SegmentPacker as t };
