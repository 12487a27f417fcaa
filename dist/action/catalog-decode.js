import { t as SwarmCacheError } from "./errors.js";
import { a as MAX_PATH_BYTES, i as MAX_DEPTH, n as KIND, o as hasTime, s as isFolderKind } from "./catalog.js";
import { a as textOf } from "./byte-path.js";
// src/archive/section-reader.ts
/** Reads one section, and never past its end. */
var SectionReader = class {
	#bytes;
	#offset = 0;
	constructor(bytes) {
		this.#bytes = bytes;
	}
	get length() {
		return this.#bytes.length;
	}
	rest() {
		return this.#bytes;
	}
	take(count) {
		let start = this.#advance(count);
		return this.#bytes.subarray(start, start + count);
	}
	/** Where the next `count` bytes start. */
	#advance(count) {
		let start = this.#offset;
		if (count > this.#bytes.length - start) throw malformed("a section ends too early");
		return this.#offset = start + count, start;
	}
	u16(max) {
		let at = this.#advance(2);
		return bounded(this.#bytes[at] | this.#bytes[at + 1] << 8, max);
	}
	u32(max) {
		let at = this.#advance(4), bytes = this.#bytes;
		return bounded((bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16) + bytes[at + 3] * 16777216, max);
	}
	varint(max = 2 ** 53 - 1) {
		let start = this.#offset, first = start < this.#bytes.length ? this.#bytes[start] : 128;
		return first >= 128 ? this.#longVarint(max) : (this.#offset = start + 1, bounded(first, max));
	}
	#longVarint(max) {
		let bytes = this.#bytes, value = 0, scale = 1;
		for (let i = this.#offset; i < bytes.length && i - this.#offset < 8; i += 1) {
			let byte = bytes[i];
			if (value += (byte & 127) * scale, byte < 128) {
				if (byte === 0) throw malformed("a number is not in its shortest form");
				return this.#offset = i + 1, bounded(value, max);
			}
			scale *= 128;
		}
		throw malformed("a number does not end");
	}
	zigzag() {
		let value = this.varint();
		return value % 2 == 0 ? value / 2 : -(value + 1) / 2;
	}
	end() {
		if (this.#offset !== this.#bytes.length) throw malformed("a section has bytes left over");
	}
};
function bounded(value, max) {
	if (value > max) throw malformed(`a number is ${value}, but at most ${max} is possible`);
	return value;
}
/** ERR_INTEGRITY that blames who wrote the catalog. */
function malformed(why) {
	return new SwarmCacheError("ERR_INTEGRITY", `The catalog is malformed: ${why}.`, { facts: { malformed: !0 } });
}
/**
* The catalog that `bytes` encode (the layout is told at `encodeCatalog`).
*
* The tree shape makes most tricks impossible to express: names hold no separator, every parent is a
* folder that comes first, siblings ascend strictly.
*
* @throws ERR_INTEGRITY for everything that `encodeCatalog` would not have written, ERR_PATH for names that this
* platform cannot store.
*/
function decodeCatalog(bytes, bounds) {
	let { count, sections } = splitSections(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)), columns = allocate(count, sections);
	checkNames(sections[4].rest());
	let rows = new RowReader(columns, sections, bounds);
	for (let row = 0; row < count; row += 1) rows.read(row);
	return rows.end(), ignoresCase(bounds.platform ?? process.platform) && refuseCaseCollisions(columns), {
		...columns,
		contentFiles: columns.contentFiles.subarray(0, rows.files)
	};
}
function splitSections(source) {
	if (source.length < 48 || source.readUInt32LE(0) !== 1935897649) throw malformed("it does not start like one");
	let count = source.readUInt32LE(4), sections = [], offset = 48;
	for (let i = 0; i < 10; i += 1) {
		let length = source.readUInt32LE(8 + i * 4);
		if (length > source.length - offset) throw malformed("a section is longer than the catalog");
		sections.push(new SectionReader(source.subarray(offset, offset + length))), offset += length;
	}
	if (offset !== source.length) throw malformed("its length does not match its sections");
	if (sections[0].length !== count) throw malformed("its count does not match its rows");
	return {
		count,
		sections
	};
}
function shared(byteCount) {
	return new SharedArrayBuffer(byteCount);
}
function allocate(count, sections) {
	let kinds = new Uint8Array(shared(count));
	kinds.set(sections[0].rest());
	let names = new Uint8Array(shared(sections[4].length));
	return names.set(sections[4].rest()), {
		count,
		kinds,
		parents: new Int32Array(shared(count * 4)),
		modes: new Uint16Array(shared(count * 2)),
		seconds: new Float64Array(shared(count * 8)),
		nanos: new Uint32Array(shared(count * 4)),
		sizes: new Float64Array(shared(count * 8)),
		starts: new Float64Array(shared(count * 8)),
		contentFiles: new Uint32Array(shared(count * 4)),
		names,
		nameEnds: new Uint32Array(shared(count * 4)),
		linkSources: new Uint32Array(shared(count * 4)),
		targets: new Uint8Array(shared(sections[9].length)),
		targetEnds: new Uint32Array(shared(count * 4))
	};
}
/** Checks the bytes of all names at once; their lengths are checked row by row. */
function checkNames(names) {
	if (names.includes(0)) throw malformed("a name holds a NUL");
	if (names.includes(47)) throw malformed("a name holds a \"/\"");
	if (process.platform === "win32" && (names.includes(92) || names.includes(58))) throw impossibleHere("a name holds a \"\\\" or \":\", which Windows cannot store");
}
/** Reads rows in their order, each with what it has in all sections. */
var RowReader = class {
	#columns;
	#sections;
	#names;
	#contentBytes;
	#lastPattern;
	/** For each depth on the current path: its row, and where the name is that the next sibling must exceed. */
	#rows = [];
	#nameStarts = [];
	#nameEnds = [];
	#depth = -1;
	#pattern = -1;
	#nameEnd = 0;
	#start = 0;
	#second = 0;
	#targetEnd = 0;
	/** Files with content so far. */
	files = 0;
	constructor(columns, sections, bounds) {
		this.#columns = columns, this.#sections = sections, this.#names = sections[4].rest(), this.#contentBytes = bounds.contentBytes, this.#lastPattern = bounds.patterns - 1;
	}
	read(row) {
		let kind = this.#columns.kinds[row];
		if (kind > KIND.HARD_LINK) throw malformed(`a row has the unknown kind ${kind}`);
		let depth = this.#sections[1].varint(MAX_DEPTH);
		this.#checkDepth(row, depth), depth === 0 ? this.#readRoot(row) : this.#readName(row, depth), this.#columns.nameEnds[row] = this.#nameEnd, this.#rows[depth] = row, this.#depth = depth, this.#readProperties(row, kind), kind >= KIND.SYMLINK && this.#readLink(row, kind), this.#columns.targetEnds[row] = this.#targetEnd;
	}
	/** @throws ERR_INTEGRITY if what was read is not all there is. */
	end() {
		let { kinds, count } = this.#columns;
		if (count > 0 && kinds[count - 1] === KIND.ANCESTOR) throw leadsNowhere();
		if (this.#nameEnd !== this.#names.length) throw malformed("its names do not fill their section");
		if (this.#start !== this.#contentBytes) throw malformed("the sizes of its files do not sum to its content");
		let [, depths, roots, lengths, , ...properties] = this.#sections;
		for (let section of [
			depths,
			roots,
			lengths,
			...properties
		]) section.end();
	}
	#checkDepth(row, depth) {
		let before = this.#depth;
		if (depth <= before) {
			if (this.#columns.kinds[row - 1] === KIND.ANCESTOR) throw leadsNowhere();
		} else if (row === 0 ? depth > 0 : depth > before + 1 || !isFolderKind(this.#columns.kinds[row - 1])) throw malformed("a row is below something that is no folder");
	}
	#readRoot(row) {
		let pattern = this.#sections[2].varint(this.#lastPattern);
		if (pattern <= this.#pattern) throw malformed("its roots are not in order");
		this.#pattern = pattern, this.#columns.parents[row] = -1 - pattern;
	}
	#readName(row, depth) {
		let names = this.#names, start = this.#nameEnd, length = this.#sections[3].varint(MAX_PATH_BYTES), end = start + length;
		if (length === 0) throw malformed("a name is empty");
		if (end > names.length) throw malformed("its names do not fill their section");
		if (length <= 2 && names[start] === 46 && (length === 1 || names[start + 1] === 46)) throw malformed("a name is \".\" or \"..\"");
		if (depth <= this.#depth && !this.#isAfter(depth, start, end)) throw malformed("its names are not in order, or one is there twice");
		this.#nameStarts[depth] = start, this.#nameEnds[depth] = end, this.#nameEnd = end, this.#columns.parents[row] = this.#rows[depth - 1];
	}
	/** True if a name comes after the one before it in the same folder. */
	#isAfter(depth, start, end) {
		let names = this.#names, beforeEnd = this.#nameEnds[depth], before = this.#nameStarts[depth];
		for (let at = start; at < end; at += 1, before += 1) {
			if (before === beforeEnd) return !0;
			let difference = names[at] - names[before];
			if (difference !== 0) return difference > 0;
		}
		return !1;
	}
	#readProperties(row, kind) {
		let { modes, seconds, nanos, sizes, starts, contentFiles } = this.#columns, sections = this.#sections;
		if ((kind === KIND.FILE || kind === KIND.FOLDER) && (modes[row] = sections[5].u16(511)), hasTime(kind)) {
			if (this.#second += sections[7].zigzag(), Math.abs(this.#second) > 864e10) throw malformed("a time is out of range");
			seconds[row] = this.#second, nanos[row] = sections[8].u32(999999999);
		}
		if (starts[row] = this.#start, kind !== KIND.FILE) return;
		let size = sections[6].varint(this.#contentBytes - this.#start);
		sizes[row] = size, this.#start += size, size > 0 && (contentFiles[this.files] = row, this.files += 1);
	}
	#readLink(row, kind) {
		let { kinds, targets, linkSources, count } = this.#columns, links = this.#sections[9];
		if (kind === KIND.SYMLINK) {
			let target = links.take(links.varint(MAX_PATH_BYTES));
			if (target.length === 0) throw malformed("a symbolic link points to nothing");
			if (target.includes(0)) throw malformed("the target of a symbolic link holds a NUL");
			targets.set(target, this.#targetEnd), this.#targetEnd += target.length;
			return;
		}
		let source = links.varint(count);
		if (source >= row || kinds[source] !== KIND.FILE) throw malformed("a hard link does not name a file before it");
		linkSources[row] = source;
	}
};
function leadsNowhere() {
	return malformed("a folder on the way to nothing is listed");
}
function ignoresCase(platform) {
	return platform === "win32" || platform === "darwin";
}
function refuseCaseCollisions(columns) {
	let { parents, names, nameEnds, count } = columns, text = Buffer.from(names).toString("latin1"), seen = /* @__PURE__ */ new Set();
	for (let i = 0; i < count; i += 1) {
		if (parents[i] < 0) continue;
		let name = textOf(text.slice(nameEnds[i - 1], nameEnds[i])), folded = `${parents[i]}/${name.normalize("NFC").toLowerCase()}`;
		if (seen.has(folded)) throw impossibleHere(`this file system cannot tell "${name}" from another name beside it`);
		seen.add(folded);
	}
}
/** What another machine could hold. */
function impossibleHere(why) {
	return new SwarmCacheError("ERR_PATH", `The cache entry cannot be restored here: ${why}.`);
}
export { decodeCatalog as t };
