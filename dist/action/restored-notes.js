import { n as KIND } from "./catalog.js";
import { n as Segmenter } from "./segment.js";
import { a as SegmentKeys, c as hashName, i as writeNotes, o as PATH_HASH_START, r as restoredNotes } from "./segment-notes.js";
import { lstatSync, statSync } from "node:fs";
// src/archive/restored-notes.ts
/**
* Notes the segments of a tree that has just been written, for the next packing, without a look at its files: their
* folders tell which files they are, and the time of the writing that they have not been changed since.
*/
function noteRestored(notes, tree) {
	if (process.platform === "linux") try {
		let found = new RestoredSegments(tree).find();
		found.size > 0 && writeNotes(restoredNotes(notes), found, tree.span);
	} catch {}
}
var RestoredSegments = class {
	#tree;
	#keys = new SegmentKeys(0);
	#folders = /* @__PURE__ */ new Map();
	#pathHashes;
	#found = /* @__PURE__ */ new Map();
	/** Of the content: the next chunk, where it starts, and where the next segment does. */
	#chunk = 0;
	#chunkStart = 0;
	#segmentStart = 0;
	constructor(tree) {
		this.#tree = tree, this.#pathHashes = new Uint32Array(tree.columns.count);
	}
	find() {
		let { columns, paths } = this.#tree, { kinds, parents, seconds, nanos, sizes } = columns, segmenter = new Segmenter((segment) => this.#add(segment));
		for (let index = 0; index < columns.count; index += 1) {
			let parent = parents[index], name = parent < 0 ? "" : paths.nameOf(index), pathHash = parent < 0 ? PATH_HASH_START : hashName(this.#pathHashes[parent], name);
			if (this.#pathHashes[index] = pathHash, kinds[index] !== KIND.FILE) continue;
			let time = {
				seconds: seconds[index],
				nanos: nanos[index]
			};
			segmenter.add({
				index,
				kind: KIND.FILE,
				name,
				pathHash,
				bytes: sizes[index],
				...time
			});
		}
		return segmenter.end(), this.#found;
	}
	#add(segment) {
		let chunks = this.#chunksOf(segment.bytes);
		if (chunks === void 0 || !segment.pieces.every(({ row }) => this.#isWritten(row))) return;
		let key = this.#keys.restoredKeyOf(segment, (row) => this.#folderOf(row));
		key !== void 0 && this.#found.set(key, chunks);
	}
	#isWritten({ index }) {
		return this.#tree.isWritten(index);
	}
	/** The chunks of the next so many bytes, if packing would cut them in the same way. */
	#chunksOf(bytes) {
		let { content } = this.#tree, start = this.#segmentStart, end = start + bytes;
		this.#segmentStart = end;
		let chunks = [], isApart = !0;
		for (; this.#chunkStart < end && this.#chunk < content.length;) {
			let chunk = content[this.#chunk], chunkEnd = this.#chunkStart + chunk.bytes;
			if (isApart &&= this.#chunkStart >= start && chunkEnd <= end, chunks.push(chunk), chunkEnd > end) break;
			this.#chunk += 1, this.#chunkStart = chunkEnd;
		}
		if (isApart) return bytes <= 262144 ? chunks.length <= 1 ? chunks : void 0 : chunks.every((chunk, i) => chunk.bytes <= 524288 && (chunk.bytes > 65536 || i === chunks.length - 1)) ? chunks : void 0;
	}
	#folderOf({ index }) {
		let { columns, paths, followsRoot } = this.#tree, folder = columns.parents[index];
		if (folder < 0 || this.#folders.has(folder)) return this.#folders.get(folder);
		let parent = columns.parents[folder], stats = (parent < 0 && followsRoot(-1 - parent) ? statSync : lstatSync)(paths.fsPathOf(folder), {
			bigint: !0,
			throwIfNoEntry: !1
		});
		return this.#folders.set(folder, stats), stats;
	}
};
export { noteRestored };
