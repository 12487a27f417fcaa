import { t as digestOf } from "./digest.js";
import { t as freeMemory } from "./free-memory.js";
import { t as MAX_CHUNK_BYTES } from "./manifest.js";
import { t as SwarmCacheError } from "./errors.js";
import { promisify } from "node:util";
import { constants, zstdCompress, zstdCompressSync, zstdDecompress, zstdDecompressSync } from "node:zlib";
import { createHash } from "node:crypto";
// src/core/raw-blocks.ts
const MAGIC = 4247762216, SIZE_BYTES = [
	1,
	2,
	4,
	8
], MAX_BLOCK_BYTES = 131072, USUAL_WINDOWS = [
	7,
	8,
	9,
	10,
	11,
	12,
	13
];
/**
* The parts of a frame that are its content as it is, in order; undefined for a frame that has to be decompressed
* to be read, or to be found damaged.
*/
function rawBlocks(frame, plainBytes) {
	let view = new DataView(frame.buffer, frame.byteOffset, frame.length);
	if (frame.length < 10 || view.getUint32(0, !0) !== MAGIC) return;
	let descriptor = view.getUint8(4);
	if (descriptor & 15) return;
	let hasWindow = !(descriptor & 32);
	if (hasWindow && !USUAL_WINDOWS.includes(view.getUint8(5) >> 3)) return;
	let sizeBytes = SIZE_BYTES[descriptor >> 6];
	if (hasWindow && sizeBytes === 1 || sizeBytes === 8) return;
	let sizeAt = hasWindow ? 6 : 5;
	if (contentSize(view, sizeAt, sizeBytes) !== plainBytes) return;
	let blocks = [], left = plainBytes;
	for (let at = sizeAt + sizeBytes; at + 3 <= frame.length;) {
		let header = view.getUint16(at, !0) | view.getUint8(at + 2) << 16, size = header >> 3;
		if (at += 3, header & 6 || size > MAX_BLOCK_BYTES || size > left || at + size > frame.length) return;
		if (blocks.push(frame.subarray(at, at + size)), at += size, left -= size, (header & 1) == 1) return left === 0 && at === frame.length ? blocks : void 0;
	}
}
function contentSize(view, at, sizeBytes) {
	return sizeBytes === 1 ? view.getUint8(at) : sizeBytes === 2 ? view.getUint16(at, !0) + 256 : view.getUint32(at, !0);
}
/** The frame of some bytes that would not compress: they are in it as they are. At most what four bytes can count. */
function rawFrame(plain) {
	let count = Math.max(1, Math.ceil(plain.length / MAX_BLOCK_BYTES)), frame = Buffer.allocUnsafe(9 + count * 3 + plain.length);
	frame.writeUInt32LE(MAGIC, 0), frame.writeUInt8(160, 4), frame.writeUInt32LE(plain.length, 5);
	for (let block = 0, at = 9; block < count; block += 1) {
		let bytes = plain.subarray(block * MAX_BLOCK_BYTES, (block + 1) * MAX_BLOCK_BYTES);
		frame.writeUIntLE(bytes.length << 3 | Number(block === count - 1), at, 3), frame.set(bytes, at + 3), at += 3 + bytes.length;
	}
	return frame;
}
// src/core/chunk.ts
const compress = promisify(zstdCompress), decompress = promisify(zstdDecompress);
/** No bytes from any tier. */
function noBytes() {
	return {
		memory: 0,
		disk: 0,
		shared: 0,
		peers: 0,
		upstream: 0
	};
}
/** The frame of some plain bytes; compressed on the thread pool. */
async function makeFrame(plain) {
	return compress(plain, compression(plain));
}
/** What `makeFrame` gives, at once on the calling thread: for worker threads. */
function makeFrameSync(plain) {
	return zstdCompressSync(plain, compression(plain));
}
function compression(plain) {
	return {
		chunkSize: plain.length + (plain.length >> 8) + 512,
		pledgedSrcSize: plain.length,
		params: { [constants.ZSTD_c_compressionLevel]: 1 }
	};
}
function decompression(chunk, outputBytes = 512) {
	return {
		chunkSize: Math.max(chunk.bytes, outputBytes) + 1,
		maxOutputLength: chunk.bytes
	};
}
/**
* The plain bytes of a frame, checked against its digest and size.
*
* @throws ERR_INTEGRITY if the frame is not what `chunk` names; never allocates more than `chunk.bytes`.
*/
async function openFrame(frame) {
	let { chunk, bytes } = frame, plain;
	try {
		plain = await decompress(bytes, decompression(chunk));
	} catch (cause) {
		throw damaged(frame, "it does not decompress to its size", cause);
	}
	return checkPlain(frame, plain), plain;
}
/**
* What `openFrame` gives, at once on the calling thread: for worker threads, which drop it soon, since it
* may be part of a larger buffer.
*/
function openFrameSync(frame) {
	let { chunk, bytes } = frame, plain;
	try {
		plain = zstdDecompressSync(bytes, decompression(chunk, 524288));
	} catch (cause) {
		throw damaged(frame, "it does not decompress to its size", cause);
	}
	return checkPlain(frame, plain), plain;
}
/**
* Checks a frame as `openFrameSync` does, for who does not want the plain bytes.
*
* @throws ERR_INTEGRITY as that does.
*/
function checkFrameSync(frame) {
	let { chunk, bytes } = frame, blocks = rawBlocks(bytes, chunk.bytes);
	if (blocks === void 0) {
		freeMemory(openFrameSync(frame));
		return;
	}
	let [only] = blocks;
	if ((only !== void 0 && blocks.length === 1 ? digestOf(only) : blocks.reduce((hash, block) => hash.update(block), createHash("sha256")).digest("hex")) !== chunk.digest) throw damaged(frame, "its digest does not match");
}
/** @throws ERR_INTEGRITY if `plain` is not what `chunk` names. */
function checkPlain(frame, plain) {
	let { chunk } = frame;
	if (plain.length !== chunk.bytes) throw damaged(frame, `it has ${plain.length} bytes`);
	if (digestOf(plain) !== chunk.digest) throw damaged(frame, "its digest does not match");
}
/** ERR_INTEGRITY; who supplied the frame is not to blame for it if `isMalformed` says so of the error. */
function damaged(frame, why, cause) {
	let { chunk } = frame, bytes = bytesOfDigest(frame);
	return bytes === void 0 ? new SwarmCacheError("ERR_INTEGRITY", `The chunk ${chunk.digest} of ${chunk.bytes} bytes is damaged: ${why}.`, {
		cause,
		facts: { digest: chunk.digest }
	}) : new SwarmCacheError("ERR_INTEGRITY", `The chunk ${chunk.digest} has ${bytes} bytes, but its manifest says ${chunk.bytes}.`, {
		cause,
		facts: {
			digest: chunk.digest,
			malformed: !0
		}
	});
}
/** How many bytes a frame holds if they are those that its digest names, whatever size was told. */
function bytesOfDigest({ chunk, bytes }) {
	try {
		let plain = zstdDecompressSync(bytes, decompression({
			...chunk,
			bytes: MAX_CHUNK_BYTES
		}));
		return digestOf(plain) === chunk.digest ? plain.length : void 0;
	} catch {
		return;
	}
}
export { openFrame as a, rawFrame as c, noBytes as i, makeFrame as n, openFrameSync as o, makeFrameSync as r, rawBlocks as s, checkFrameSync as t };
