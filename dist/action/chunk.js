import { t as digestOf } from "./digest.js";
import { t as SwarmCacheError } from "./errors.js";
import { promisify } from "node:util";
import { constants, zstdCompress, zstdCompressSync, zstdDecompress, zstdDecompressSync } from "node:zlib";
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
		throw damaged(chunk, "it does not decompress to its size", cause);
	}
	return checkPlain(chunk, plain), plain;
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
		throw damaged(chunk, "it does not decompress to its size", cause);
	}
	return checkPlain(chunk, plain), plain;
}
/** @throws ERR_INTEGRITY if `plain` is not what `chunk` names. */
function checkPlain(chunk, plain) {
	if (plain.length !== chunk.bytes) throw damaged(chunk, `it has ${plain.length} bytes`);
	if (digestOf(plain) !== chunk.digest) throw damaged(chunk, "its digest does not match");
}
function damaged(chunk, why, cause) {
	return new SwarmCacheError("ERR_INTEGRITY", `The chunk ${chunk.digest} of ${chunk.bytes} bytes is damaged: ${why}.`, {
		cause,
		facts: { digest: chunk.digest }
	});
}
export { openFrameSync as a, openFrame as i, makeFrameSync as n, noBytes as r, makeFrame as t };
