import { n as errnoOf } from "./errors.js";
import { t as digestOf } from "./digest.js";
import { t as freeMemory } from "./free-memory.js";
import { n as makeFrame, r as makeFrameSync } from "./chunk.js";
import { r as encodeFrameFile } from "./frame-file.js";
import { n as fsPath } from "./byte-path.js";
import { c as pathError } from "./catalog.js";
import { a as nextCut } from "./segment.js";
import { closeSync, constants, fstatSync, openSync, readSync, unlinkSync, writevSync } from "node:fs";
/** The frame of a chunk, compressed on the thread pool. */
async function makeNewFrame(chunk, plain) {
	return exactFrame(chunk, await makeFrame(plain));
}
/** The frame of a chunk, compressed at once. */
function makeNewFrameSync(chunk, plain) {
	return exactFrame(chunk, makeFrameSync(plain));
}
/** The frame of a chunk in a new file; in memory if the file cannot be written. */
function writeNewFrame(chunk, plain, path, file) {
	let bytes = makeFrameSync(plain);
	if (!isWritten(path, encodeFrameFile({
		chunk,
		bytes
	}))) return exactFrame(chunk, bytes);
	let frameBytes = bytes.length;
	return freeMemory(bytes), {
		...chunk,
		file,
		frameBytes
	};
}
/** A frame in memory of the exact size: the compressor's buffer has room for incompressible input. */
function exactFrame({ digest, bytes }, roomy) {
	let frame = new Uint8Array(roomy);
	return freeMemory(roomy), {
		digest,
		bytes,
		frame,
		frameBytes: frame.length
	};
}
/** False if the disk refuses: the store, which is then given the bytes, says why. */
function isWritten(path, parts) {
	let total = 0;
	for (let part of parts) total += part.length;
	let fd;
	try {
		fd = openSync(path, "wx", 384);
	} catch {
		return !1;
	}
	let written = 0;
	try {
		written = writevSync(fd, parts);
	} catch {} finally {
		closeSync(fd);
	}
	if (written === total) return !0;
	try {
		unlinkSync(path);
	} catch {}
	return !1;
}
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
// src/archive/segment-packer.ts
const WINDOW_BYTES = 4194304, PIECE_ENDS = {
	FILE: 1,
	SEGMENT: 2
};
/** Reads, cuts, hashes and compresses one job at a time, with a fixed amount of memory. */
var SegmentPacker = class {
	#port;
	#storeChunk;
	#buffer = Buffer.allocUnsafeSlow(WINDOW_BYTES);
	#filled = 0;
	/** Where the first chunk starts that is not cut yet. */
	#uncut = 0;
	#chunks = [];
	/** Of `#chunks`, those before it have been put. */
	#put = 0;
	constructor(port, storeChunk) {
		this.#port = port, this.#storeChunk = storeChunk;
	}
	/** @throws ERR_PATH naming a file that cannot be read, or what the port throws. */
	async pack(job) {
		this.#start();
		let { numbers } = job, deviations = [], segmentEnds = [], piece = 0;
		for (let path of job.paths.split("\0")) {
			let at = piece * 5, bytes = numbers[at + 1], ends = numbers[at + 4];
			using reader = new FileReader(path, {
				offset: numbers[at],
				bytes,
				seconds: numbers[at + 2],
				nanos: numbers[at + 3],
				last: (ends & PIECE_ENDS.FILE) !== 0
			});
			for (; this.#filled += reader.read(this.#buffer, this.#filled), !reader.done;) await this.#makeRoom();
			(reader.bytesRead !== bytes || reader.state !== 0) && deviations.push({
				piece,
				bytes: reader.bytesRead,
				state: reader.state
			}), (ends & PIECE_ENDS.SEGMENT) !== 0 && (this.#endSegment(segmentEnds.at(-1) ?? 0), segmentEnds.push(this.#chunks.length)), piece += 1;
		}
		return await this.#putNew(this.#buffer), {
			chunks: this.#chunks,
			ends: segmentEnds,
			deviations
		};
	}
	/** Packs content that is in memory already. */
	async packBytes(bytes) {
		return this.#start(), this.#filled = bytes.length, this.#cut(bytes, !0), await this.#putNew(bytes), this.#chunks;
	}
	/** Packs content as it arrives. */
	async packStream(content) {
		this.#start();
		for await (let bytes of content) for (let taken = 0; taken < bytes.length;) {
			let part = bytes.subarray(taken, taken + this.#buffer.length - this.#filled);
			this.#buffer.set(part, this.#filled), taken += part.length, this.#filled += part.length, this.#filled === this.#buffer.length && await this.#makeRoom();
		}
		return this.#cut(this.#buffer, !0), await this.#putNew(this.#buffer), this.#chunks;
	}
	#start() {
		this.#filled = 0, this.#uncut = 0, this.#chunks = [], this.#put = 0;
	}
	/** Puts what can be cut for certain, and moves the rest to the start of the buffer. */
	async #makeRoom() {
		this.#cut(this.#buffer, !1), await this.#putNew(this.#buffer), this.#buffer.copyWithin(0, this.#uncut, this.#filled), this.#filled -= this.#uncut, this.#uncut = 0;
	}
	#cut(window, isEnd) {
		let end = this.#filled;
		for (; this.#uncut < end && (isEnd || end - this.#uncut >= 524288);) this.#endChunk(window, nextCut(window, this.#uncut, end));
	}
	/** `firstChunk` is the number of the segment's first one. */
	#endSegment(firstChunk) {
		let isWhole = this.#chunks.length === firstChunk, bytes = this.#filled - this.#uncut;
		isWhole && bytes <= 262144 ? this.#endChunk(this.#buffer, this.#filled) : this.#cut(this.#buffer, !0);
	}
	#endChunk(window, end) {
		let start = this.#uncut;
		start !== end && (this.#chunks.push({
			digest: digestOf(window.subarray(start, end)),
			bytes: end - start
		}), this.#uncut = end);
	}
	/** What is cut and not put yet lies before the uncut rest of the window. */
	async #putNew(window) {
		let chunks = this.#chunks.slice(this.#put);
		if (chunks.length === 0) return;
		this.#put = this.#chunks.length;
		let wanted = await this.#port.ask(chunks), frames = [], start = this.#uncut;
		for (let chunk of chunks) start -= chunk.bytes;
		for (let [i, chunk] of chunks.entries()) {
			let end = start + chunk.bytes;
			wanted[i] === !0 && frames.push(Promise.resolve(this.#storeChunk(chunk, window.subarray(start, end)))), start = end;
		}
		frames.length > 0 && await this.#port.put(await Promise.all(frames));
	}
};
export { makeNewFrame as a, FILE_STATE as i, SegmentPacker as n, makeNewFrameSync as o, WINDOW_BYTES as r, writeNewFrame as s, PIECE_ENDS as t };
