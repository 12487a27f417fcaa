import { n as KIND } from "./catalog.js";
import { hash } from "node:crypto";
// src/archive/fastcdc.ts
const MIN_CHUNK_BYTES = 65536, MAX_CONTENT_CHUNK_BYTES = 524288, GEAR = gearTable(), GEAR_SHIFTED = GEAR.map((value) => value << 1);
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
	if (end - start <= 65536) return end;
	let limit = Math.min(end, start + MAX_CONTENT_CHUNK_BYTES), middle = Math.min(limit, start + 131072);
	found.fingerprint = 0;
	let place = search(bytes, start + MIN_CHUNK_BYTES, middle, 2147479552);
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
// src/archive/segment.ts
/** A segment of whole files holds at least this, unless a large file follows, and about the average. */
const MAX_WHOLE_SEGMENT_BYTES = 262144, SLICE_BYTES = 33554432;
/** Divides the files of a tree, given in order, into segments. */
var Segmenter = class {
	#onSegment;
	#pieces = [];
	#bytes = 0;
	constructor(onSegment) {
		this.#onSegment = onSegment;
	}
	add(row) {
		if (row.kind !== KIND.FILE) return;
		let own = row.bytes >= 131072;
		(own || this.#bytes + row.bytes > 262144) && this.end();
		for (let offset = 0; offset + SLICE_BYTES < row.bytes; offset += SLICE_BYTES) this.#push({
			row,
			offset,
			bytes: SLICE_BYTES,
			last: !1,
			ends: !1
		}), this.end();
		let offset = row.bytes === 0 ? 0 : Math.floor((row.bytes - 1) / SLICE_BYTES) * SLICE_BYTES;
		this.#push({
			row,
			offset,
			bytes: row.bytes - offset,
			last: !0,
			ends: !1
		}), (own || this.#bytes >= 32768 && this.#endsAfter(row)) && this.end();
	}
	end() {
		let end = this.#pieces.at(-1);
		end !== void 0 && (end.ends = !0, this.#onSegment({
			pieces: this.#pieces,
			bytes: this.#bytes
		}), this.#pieces = [], this.#bytes = 0);
	}
	/** As likely as the file is large, so that segments of few files and of many become as long. */
	#endsAfter({ name, bytes }) {
		let chance = bytes / 98304, factor = this.#bytes < 131072 ? 1 / 4 : 4;
		return hashOf(name, bytes) < chance * factor * 2 ** 32;
	}
	#push(piece) {
		this.#pieces.push(piece), this.#bytes += piece.bytes;
	}
};
/** 32 bits of a name and a size: FNV-1a, and what MurmurHash does at its end, since the high bits decide. */
function hashOf(name, bytes) {
	let value = 2166136261 ^ bytes;
	for (let i = 0; i < name.length; i += 1) value = Math.imul(value ^ name.charCodeAt(i), 16777619);
	return value = Math.imul(value ^ value >>> 16, 2246822507), value = Math.imul(value ^ value >>> 13, 3266489909), (value ^ value >>> 16) >>> 0;
}
export { nextCut as a, MIN_CHUNK_BYTES as i, Segmenter as n, MAX_CONTENT_CHUNK_BYTES as r, MAX_WHOLE_SEGMENT_BYTES as t };
