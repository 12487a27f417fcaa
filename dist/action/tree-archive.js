import { n as pause, t as abortable } from "./deadline.js";
import { n as inboxName, t as clearInbox } from "./inbox.js";
import { a as bytePath, c as parentOf, i as pathError, l as textOf, n as startThread, o as fsPath, r as unpackError, s as joinPath } from "./worker-thread.js";
import { i as inputError, n as errnoOf, o as isSwarmCacheError, t as SwarmCacheError } from "./errors.js";
import { a as compareTree, d as hasTime, f as isFolderKind, g as FrameReader, h as CatalogPaths, i as ON_DISK, l as MAX_DEPTH, m as placeChunks, n as removeObstacle, o as CATALOG_MAGIC, p as firstContentFile, r as utime, s as KIND, t as TreeWriter, u as MAX_PATH_BYTES } from "./tree-writer.js";
import { a as makeNewFrame, i as FILE_STATE, n as SegmentPacker, r as WINDOW_BYTES, t as PIECE_ENDS } from "./segment-packer.js";
import { a as openFrame } from "./chunk.js";
import { o as totalBytes } from "./manifest.js";
import { t as Limit } from "./limit.js";
import { t as freeMemory } from "./free-memory.js";
import { availableParallelism, endianness, homedir } from "node:os";
import { join, resolve } from "node:path";
import { chmodSync, existsSync, linkSync, lstatSync, lutimesSync, mkdirSync, readdirSync, readlinkSync, rmdirSync, statSync, symlinkSync, unlinkSync, utimesSync } from "node:fs";
import { spawn } from "node:child_process";
import { setImmediate as setImmediate$1 } from "node:timers/promises";
/**
* Bytes of a catalog.
*
* Layout, little endian: u32 magic, u32 count of rows, u32 length of each section, then the sections.
* Each holds one property of all rows that have it, so that what rarely changes (names, modes, sizes)
* stays byte for byte the same when times change, and deduplicates:
*
*  0 kinds         one byte a row
*  1 depths        varint a row
*  2 roots         varint a root: the index of its pattern
*  3 name lengths  varint a row that is no root
*  4 names         bytes
*  5 modes         u16 a file or folder
*  6 sizes         varint a file
*  7 seconds       zigzag varint a file, folder or symbolic link: difference to the one before
*  8 nanoseconds   u32 a file, folder or symbolic link
*  9 links         symbolic link: varint length and bytes; hard link: varint index of the file's row
*/
function encodeCatalog(rows) {
	let writer = new CatalogWriter(), indices = /* @__PURE__ */ new Map();
	for (let [index, row] of rows.entries()) row.kind === KIND.FILE && indices.set(row, index), writer.add(row, row.source && indices.get(row.source));
	return writer.finish();
}
/** Writes a catalog as its rows are found, so that none of them need be kept. */
var CatalogWriter = class {
	#kinds = new ByteWriter();
	#depths = new ByteWriter();
	#roots = new ByteWriter();
	#lengths = new ByteWriter();
	#names = new ByteWriter();
	#modes = new ByteWriter();
	#sizes = new ByteWriter();
	#seconds = new ByteWriter();
	#nanos = new ByteWriter();
	#links = new ByteWriter();
	#previousSeconds = 0;
	/** Rows so far, and how many of them are files or links. */
	count = 0;
	files = 0;
	/** Returns the index of the row; a hard link needs that of its source. */
	add(row, source) {
		let { kind, depth } = row;
		return this.#kinds.byte(kind), this.#depths.varint(depth), depth === 0 ? this.#roots.varint(row.pattern) : (this.#lengths.varint(row.name.length), this.#names.bytes(row.name)), hasTime(kind) && (this.#seconds.zigzag(row.seconds - this.#previousSeconds), this.#previousSeconds = row.seconds, this.#nanos.u32(row.nanos)), (kind === KIND.FILE || kind === KIND.FOLDER) && this.#modes.u16(row.mode), kind === KIND.FILE ? this.#sizes.varint(row.bytes) : kind === KIND.SYMLINK ? (this.#links.varint(row.target.length), this.#links.bytes(row.target)) : kind === KIND.HARD_LINK && this.#links.varint(source), kind >= KIND.FILE && (this.files += 1), this.count += 1, this.count - 1;
	}
	/** @throws ERR_LIMIT if there are more rows than an entry can list. */
	finish() {
		return assemble(this.count, [
			this.#kinds,
			this.#depths,
			this.#roots,
			this.#lengths,
			this.#names,
			this.#modes,
			this.#sizes,
			this.#seconds,
			this.#nanos,
			this.#links
		]);
	}
};
function assemble(count, sections) {
	let total = sections.reduce((sum, section) => sum + section.length, 48);
	if (total > 268435456) throw new SwarmCacheError("ERR_LIMIT", `The declared paths hold ${count} files and folders, more than a cache entry can list. Cache them in several entries.`, { facts: { count } });
	let bytes = Buffer.allocUnsafe(total);
	bytes.writeUInt32LE(CATALOG_MAGIC, 0), bytes.writeUInt32LE(count, 4);
	let offset = 48;
	for (let [i, section] of sections.entries()) bytes.writeUInt32LE(section.length, 8 + i * 4), bytes.set(section.written(), offset), offset += section.length;
	return bytes;
}
/** Bytes that grow as they are written. */
var ByteWriter = class {
	#buffer = Buffer.allocUnsafe(1024);
	length = 0;
	byte(value) {
		this.#reserve(1), this.#buffer[this.length++] = value;
	}
	u16(value) {
		this.#reserve(2), this.length = this.#buffer.writeUInt16LE(value, this.length);
	}
	u32(value) {
		this.#reserve(4), this.length = this.#buffer.writeUInt32LE(value, this.length);
	}
	/** Seven bits a byte, the lowest first; arithmetic instead of shifts above 31 bits. */
	varint(value) {
		this.#reserve(8);
		let rest = value;
		for (; rest >= 128;) this.#buffer[this.length++] = rest % 128 | 128, rest = Math.floor(rest / 128);
		this.#buffer[this.length++] = rest;
	}
	zigzag(value) {
		this.varint(value < 0 ? -value * 2 - 1 : value * 2);
	}
	bytes(latin1) {
		let count = latin1.length;
		if (this.#reserve(count), count > 40) this.length += this.#buffer.write(latin1, this.length, "latin1");
		else for (let i = 0; i < count; i += 1) this.#buffer[this.length++] = latin1.charCodeAt(i);
	}
	written() {
		return this.#buffer.subarray(0, this.length);
	}
	#reserve(count) {
		if (this.length + count <= this.#buffer.length) return;
		let larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.length + count));
		this.#buffer.copy(larger, 0, 0, this.length), this.#buffer = larger;
	}
};
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
	readNames(columns, sections), readTree(columns, sections, bounds);
	let files = readProperties(columns, sections, bounds.contentBytes);
	return readLinks(columns, sections[9]), ignoresCase(bounds.platform ?? process.platform) && refuseCaseCollisions(columns), {
		...columns,
		contentFiles: columns.contentFiles.subarray(0, files)
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
		contentFiles: new Uint32Array(shared(countOf(kinds, KIND.FILE) * 4)),
		names,
		nameEnds: new Uint32Array(shared(count * 4)),
		linkSources: new Uint32Array(shared(count * 4)),
		targets: new Uint8Array(shared(sections[9].length)),
		targetEnds: new Uint32Array(shared(count * 4))
	};
}
function countOf(kinds, wanted) {
	let found = 0;
	for (let kind of kinds) {
		if (kind > KIND.HARD_LINK) throw malformed(`a row has the unknown kind ${kind}`);
		kind === wanted && (found += 1);
	}
	return found;
}
/** Checks the bytes of all names at once; lengths follow with the tree. */
function readNames(columns, sections) {
	let blob = sections[4].rest();
	if (blob.includes(0)) throw malformed("a name holds a NUL");
	if (blob.includes(47)) throw malformed("a name holds a \"/\"");
	if (process.platform === "win32" && (blob.includes(92) || blob.includes(58))) throw impossibleHere("a name holds a \"\\\" or \":\", which Windows cannot store");
	let { kinds, nameEnds, count } = columns, depths = sections[1].copy(), end = 0;
	for (let i = 0; i < count; i += 1) {
		if (depths.varint(2048) > 0) {
			let length = sections[3].varint(MAX_PATH_BYTES);
			if (length === 0) throw malformed("a name is empty");
			if (length <= 2 && blob[end] === 46 && (length === 1 || blob[end + 1] === 46)) throw malformed("a name is \".\" or \"..\"");
			end += length;
		}
		nameEnds[i] = end;
	}
	if (sections[3].end(), end !== blob.length) throw malformed("its names do not fill their section");
	if (kinds.length > 0 && columns.nameEnds[0] !== 0) throw malformed("it does not start at a root");
}
function readTree(columns, sections, bounds) {
	let { kinds, parents, nameEnds, count } = columns, names = sections[4].text(), depths = sections[1], roots = sections[2], rows = [], lastNames = [], previousDepth = -1, previousPattern = -1;
	for (let i = 0; i < count; i += 1) {
		let depth = depths.varint(MAX_DEPTH), previousKind = kinds[i - 1];
		if (depth > previousDepth) {
			if (depth > previousDepth + 1 || depth > 0 && !isFolderKind(previousKind)) throw malformed("a row is below something that is no folder");
		} else if (previousKind === KIND.ANCESTOR) throw malformed("a folder on the way to nothing is listed");
		if (depth === 0) {
			let pattern = roots.varint(bounds.patterns - 1);
			if (pattern <= previousPattern) throw malformed("its roots are not in order");
			previousPattern = pattern, parents[i] = -1 - pattern;
		} else {
			let name = names.slice(i === 0 ? 0 : nameEnds[i - 1], nameEnds[i]);
			if (depth <= previousDepth && name <= lastNames[depth]) throw malformed("its names are not in order, or one is there twice");
			lastNames[depth] = name, parents[i] = rows[depth - 1];
		}
		rows[depth] = i, previousDepth = depth;
	}
	if (count > 0 && kinds[count - 1] === KIND.ANCESTOR) throw malformed("a folder on the way to nothing is listed");
	depths.end(), roots.end();
}
/** Returns how many files have content. */
function readProperties(columns, sections, contentBytes) {
	let { kinds, modes, sizes, starts, seconds, nanos, contentFiles, count } = columns, [, , , , , modeBytes, sizeBytes, secondBytes, nanoBytes] = sections, start = 0, files = 0, second = 0;
	for (let i = 0; i < count; i += 1) {
		let kind = kinds[i];
		if ((kind === KIND.FILE || kind === KIND.FOLDER) && (modes[i] = modeBytes.u16(511)), hasTime(kind)) {
			if (second += secondBytes.zigzag(), Math.abs(second) > 864e10) throw malformed("a time is out of range");
			seconds[i] = second, nanos[i] = nanoBytes.u32(999999999);
		}
		if (starts[i] = start, kind === KIND.FILE) {
			let size = sizeBytes.varint(contentBytes - start);
			sizes[i] = size, size > 0 && (contentFiles[files++] = i), start += size;
		}
	}
	if (start !== contentBytes) throw malformed("the sizes of its files do not sum to its content");
	for (let section of [
		modeBytes,
		sizeBytes,
		secondBytes,
		nanoBytes
	]) section.end();
	return files;
}
function readLinks(columns, links) {
	let { kinds, targets, targetEnds, linkSources, count } = columns, end = 0;
	for (let i = 0; i < count; i += 1) {
		if (kinds[i] === KIND.SYMLINK) {
			let target = links.take(links.varint(MAX_PATH_BYTES));
			if (target.length === 0) throw malformed("a symbolic link points to nothing");
			if (target.includes(0)) throw malformed("the target of a symbolic link holds a NUL");
			targets.set(target, end), end += target.length;
		} else if (kinds[i] === KIND.HARD_LINK) {
			let source = links.varint(count);
			if (source >= i || kinds[source] !== KIND.FILE) throw malformed("a hard link does not name a file before it");
			linkSources[i] = source;
		}
		targetEnds[i] = end;
	}
	links.end();
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
/** Reads one section, and never past its end. */
var SectionReader = class SectionReader {
	#bytes;
	#offset = 0;
	constructor(bytes) {
		this.#bytes = bytes;
	}
	get length() {
		return this.#bytes.length;
	}
	copy() {
		return new SectionReader(this.#bytes);
	}
	rest() {
		return this.#bytes;
	}
	text() {
		return this.#bytes.toString("latin1");
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
		return bounded(this.#bytes.readUInt16LE(this.#advance(2)), max);
	}
	u32(max) {
		return bounded(this.#bytes.readUInt32LE(this.#advance(4)), max);
	}
	varint(max = 2 ** 53 - 1) {
		let bytes = this.#bytes, value = 0, scale = 1;
		for (let i = this.#offset; i < bytes.length && i - this.#offset < 8; i += 1) {
			let byte = bytes[i];
			if (value += (byte & 127) * scale, byte < 128) {
				if (byte === 0 && scale > 1) throw malformed("a number is not in its shortest form");
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
function malformed(why) {
	return new SwarmCacheError("ERR_INTEGRITY", `The catalog is malformed: ${why}.`, { facts: { malformed: !0 } });
}
/** What another machine could hold. */
function impossibleHere(why) {
	return new SwarmCacheError("ERR_PATH", `The cache entry cannot be restored here: ${why}.`);
}
// src/archive/catalog-rows.ts
/** The catalog with files as they were read: sizes changed, and what vanished left out. */
function amendCatalog(catalog, contentBytes, { growth, vanished }) {
	let columns = decodeCatalog(catalog, {
		contentBytes,
		patterns: 1e400,
		platform: "linux"
	}), rows = [], kept = [];
	for (let [index, found] of readRows(columns).entries()) {
		let bytes = found.bytes + (growth.get(index) ?? 0);
		if (vanished.has(index) && bytes === 0) continue;
		let source = kept[columns.linkSources[index]];
		if (found.kind === KIND.HARD_LINK && source === void 0) continue;
		let row = found.kind === KIND.HARD_LINK ? {
			...found,
			source
		} : {
			...found,
			bytes
		};
		kept[index] = row, rows.push(row);
	}
	let left = withoutEmptyAncestors(rows), files = left.filter((row) => row.kind >= KIND.FILE).length;
	return {
		catalog: encodeCatalog(left),
		files
	};
}
/** Rows without the sources of hard links. */
function readRows(columns) {
	let { kinds, parents, names, nameEnds, targets, targetEnds } = columns, rows = [];
	for (let i = 0; i < columns.count; i += 1) {
		let parent = parents[i];
		rows.push({
			kind: kinds[i],
			depth: parent < 0 ? 0 : rows[parent].depth + 1,
			pattern: parent < 0 ? -1 - parent : 0,
			name: textAt(names, nameEnds, i),
			mode: columns.modes[i],
			seconds: columns.seconds[i],
			nanos: columns.nanos[i],
			bytes: columns.sizes[i],
			target: textAt(targets, targetEnds, i)
		});
	}
	return rows;
}
function textAt(bytes, ends, i) {
	return Buffer.from(bytes.subarray(i === 0 ? 0 : ends[i - 1], ends[i])).toString("latin1");
}
/** Children can vanish; a folder that was listed for their sake goes with them. */
function withoutEmptyAncestors(rows) {
	let kept = [], depthBelow = -1;
	for (let row of rows.toReversed()) {
		let hasChild = depthBelow === row.depth + 1;
		(row.kind !== KIND.ANCESTOR || hasChild) && (kept.push(row), depthBelow = row.depth);
	}
	return kept.toReversed();
}
// src/archive/new-chunks.ts
/** Sends the chunks of one packing to a sink: each new one once, however often it is cut. */
var NewChunks = class {
	#sink;
	#signal;
	/** Where frames that come as files have been written. */
	inbox;
	/** Whoever asks for a chunk first puts it. */
	#asked = /* @__PURE__ */ new Set();
	/** Plain bytes cut so far, new or not. */
	bytesCut = 0;
	/** Plain bytes, frame bytes and number of the chunks put so far. */
	newBytes = 0;
	storedBytes = 0;
	newCount = 0;
	constructor(sink, signal) {
		this.#sink = sink, this.#signal = signal;
	}
	async ask(chunks) {
		this.#signal?.throwIfAborted();
		let first = [];
		for (let chunk of chunks) this.bytesCut += chunk.bytes, this.#asked.has(chunk.digest) || (this.#asked.add(chunk.digest), first.push(chunk));
		if (first.length === 0) return chunks.map(() => !1);
		let has = await this.#sink.has(first.map(({ digest }) => digest)), wanted = new Set(first.filter((_, i) => has[i] !== !0));
		return chunks.map((chunk) => wanted.has(chunk));
	}
	async put(frames) {
		this.#signal?.throwIfAborted();
		let written = [];
		for (let { digest, bytes, frame, file, frameBytes } of frames) {
			let chunk = {
				digest,
				bytes
			};
			file !== void 0 && this.inbox !== void 0 ? written.push({
				chunk,
				frameBytes,
				name: inboxName(this.inbox, file)
			}) : frame !== void 0 && (this.#signal?.throwIfAborted(), await this.#sink.put({
				chunk,
				bytes: frame
			}));
		}
		written.length > 0 && await this.inbox?.take(written);
		for (let { bytes, frameBytes } of frames) this.newBytes += bytes, this.storedBytes += frameBytes, this.newCount += 1;
	}
}, PackCrew = class {
	#port;
	#workers = [];
	#idle = [];
	#waiting = [];
	constructor(port, threads) {
		this.#port = port;
		for (let i = 0; i < threads; i += 1) this.#startThread();
		threads === 0 && this.#idle.push(new SegmentPacker(port, makeNewFrame));
	}
	/** Waits for a free slot, which `pack` then needs: so nobody queues more work than is bounded. */
	async reserve() {
		let slot = this.#idle.pop() ?? await new Promise((resolve) => this.#waiting.push(resolve));
		return async (job) => {
			try {
				return await slot.pack(job);
			} finally {
				let next = this.#waiting.shift();
				next === void 0 ? this.#idle.push(slot) : next(slot);
			}
		};
	}
	async [Symbol.asyncDispose]() {
		await Promise.all(this.#workers.map((worker) => worker.terminate()));
	}
	#startThread() {
		let worker = startThread("pack-worker"), slots = Array.from({ length: 3 }, (_, i) => new ThreadSlot(worker, i, this.#port)), failAll = (error) => {
			for (let slot of slots) slot.fail(error);
		};
		worker.on("message", (message) => slots[message.slot].receive(message)), worker.on("error", failAll), worker.on("exit", () => failAll(/* @__PURE__ */ Error("A packing thread ended before its work was done."))), this.#workers.push(worker), this.#idle.unshift(...slots);
	}
}, ThreadSlot = class {
	#worker;
	#slot;
	#port;
	#settle;
	#failure;
	constructor(worker, slot, port) {
		this.#worker = worker, this.#slot = slot, this.#port = port;
	}
	pack(job) {
		return this.#failure === void 0 ? (this.#settle = Promise.withResolvers(), this.#send({
			slot: this.#slot,
			job
		}, [job.numbers.buffer]), this.#settle.promise) : Promise.reject(this.#failure);
	}
	receive(message) {
		"packed" in message ? this.#settle?.resolve(message.packed) : "error" in message ? this.#settle?.reject(unpackError(message.error)) : this.#answer(message);
	}
	fail(error) {
		this.#failure = error, this.#settle?.reject(error);
	}
	async #answer(message) {
		try {
			"ask" in message ? this.#send({
				slot: this.#slot,
				wanted: await this.#port.ask(message.ask)
			}) : (await this.#port.put(message.put), this.#send({
				slot: this.#slot,
				stored: !0
			}));
		} catch (error) {
			this.fail(error instanceof Error ? error : Error(String(error)));
		}
	}
	#send(message, transfer = []) {
		this.#worker.postMessage(message, transfer);
	}
};
// src/archive/path-pattern.ts
const DEAD = [], COVERED = [-1], START = [0], IS_WINDOWS = process.platform === "win32";
/**
* Compiles a declared path with the rules of @actions/glob: `~`, `*`, `?`, `[set]`, `**`, a leading `!`,
* and `\` as escape except on Windows; dot files match like others, braces mean themselves.
*
* @throws ERR_INPUT for `..` and for a pattern without a path.
*/
function compilePattern(line, workingDirectory) {
	let text = line.trim(), negate = !1;
	for (; text.startsWith("!");) negate = !negate, text = text.slice(1).trim();
	if (text === "") throw inputError(`The path "${line}" is empty. Write a path after the "!".`);
	let slashed = IS_WINDOWS ? text.replaceAll("\\", "/") : text, { base, rest } = splitBase(slashed, workingDirectory), segments = literalSegments(base), isGlob = !1, rootLength = segments.length;
	for (let part of rest.split("/")) {
		if (part === "" || part === ".") continue;
		if (part === "..") throw inputError(`The path "${text}" contains "..", which cannot be cached. Write it as an absolute path.`, { path: text });
		let segment = compileSegment(part);
		segments.push(segment), segment.kind !== "name" && (isGlob = !0), isGlob || (rootLength = segments.length);
	}
	let names = segments.slice(0, rootLength).map((s) => s.kind === "name" ? s.name : ""), foldersOnly = slashed.endsWith("/") && rest !== "";
	return {
		text,
		negate,
		foldersOnly,
		isGlob,
		root: rootOf(names),
		segments
	};
}
function splitBase(text, workingDirectory) {
	return text === "~" || text.startsWith("~/") ? {
		base: homedir(),
		rest: text.slice(1)
	} : text.startsWith("/") ? {
		base: IS_WINDOWS ? resolve("/") : "/",
		rest: text
	} : IS_WINDOWS && /^[a-z]:/i.test(text) ? {
		base: resolve(text.slice(0, 2), "/"),
		rest: text.slice(2)
	} : {
		base: resolve(workingDirectory),
		rest: text
	};
}
function literalSegments(path) {
	return (IS_WINDOWS ? path.replaceAll("\\", "/") : path).split("/").filter((name) => name !== "").map((name) => ({
		kind: "name",
		name: bytePath(name)
	}));
}
function rootOf(names) {
	return IS_WINDOWS ? names.length === 1 ? `${names[0]}/` : names.join("/") : `/${names.join("/")}`;
}
/** The components of an absolute path, as the matcher steps through them. */
function componentsOf(path) {
	return path.split("/").filter((name) => name !== "");
}
/** Steps from a folder to `name` in it. */
function stepMatch(pattern, state, name, isFolder) {
	if (state === COVERED || state === DEAD) return state;
	let { segments } = pattern, next = [];
	for (let position of withSkippedFolders(segments, state)) {
		let segment = segments[position];
		segment !== void 0 && (segment.kind === "any" ? addOnce(next, position) : matchesName(segment, name) && addOnce(next, position + 1));
	}
	return settle(pattern, next, isFolder);
}
function settle(pattern, next, isFolder) {
	if (next.length === 0) return DEAD;
	let end = pattern.segments.length;
	return withSkippedFolders(pattern.segments, next).includes(end) && (isFolder || !pattern.foldersOnly) ? COVERED : isFolder ? next : DEAD;
}
/** `**` matches no folder too, so the component after it may match at once. */
function withSkippedFolders(segments, state) {
	let all;
	for (let i = 0; i < (all ?? state).length; i += 1) {
		let position = (all ?? state)[i];
		segments[position]?.kind === "any" && (all ??= [...state], addOnce(all, position + 1));
	}
	return all ?? state;
}
function addOnce(list, position) {
	list.includes(position) || list.push(position);
}
function matchesName(segment, name) {
	return segment.kind === "glob" ? segment.expression.test(textOf(name)) : segment.kind === "any" || segment.name === name || IS_WINDOWS && foldCase(segment.name) === foldCase(name);
}
function foldCase(name) {
	return textOf(name).toLowerCase();
}
function compileSegment(part) {
	if (part === "**") return { kind: "any" };
	let source = "", literal = "";
	for (let i = 0; i < part.length;) {
		let token = readToken(part, i);
		source += token.source, literal = token.literal === void 0 || literal === void 0 ? void 0 : literal + token.literal, i = token.end;
	}
	return literal === void 0 ? {
		kind: "glob",
		expression: RegExp(`^${source}$`, IS_WINDOWS ? "isu" : "su")
	} : {
		kind: "name",
		name: bytePath(literal)
	};
}
function readToken(part, start) {
	let character = String.fromCodePoint(part.codePointAt(start)), end = start + character.length;
	if (character === "\\" && !IS_WINDOWS && end < part.length) {
		let escaped = String.fromCodePoint(part.codePointAt(end));
		return {
			source: quote(escaped),
			literal: escaped,
			end: end + escaped.length
		};
	}
	if (character === "*") {
		let after = end;
		for (; part[after] === "*";) after += 1;
		return {
			source: "[^/]*",
			end: after
		};
	}
	if (character === "?") return {
		source: "[^/]",
		end
	};
	if (character === "[") {
		let set = readSet(part, end);
		if (set !== void 0) return set;
	}
	return {
		source: quote(character),
		literal: character,
		end
	};
}
/** A set `[abc]`, `[a-z]`, `[!a]` or `[^a]` whose content starts at `start`; undefined if it is never closed. */
function readSet(part, start) {
	let i = start, negated = part[i] === "!" || part[i] === "^";
	negated && (i += 1);
	let members = [], source = "";
	for (;;) {
		let character = part[i];
		if (character === void 0) return;
		if (character === "]" && members.length > 0) break;
		if (character = String.fromCodePoint(part.codePointAt(i)), character === "\\" && !IS_WINDOWS && i + 1 < part.length) i += 1, character = String.fromCodePoint(part.codePointAt(i));
		else if (character === "-" && members.length > 0 && part[i + 1] !== "]") {
			let first = members.at(-1), last = String.fromCodePoint(part.codePointAt(i + 1) ?? 0);
			if (part[i + 1] === void 0) return;
			source += first <= last ? `-${quoteInSet(last)}` : "", members.push("-", last), i += 1 + last.length;
			continue;
		}
		members.push(character), source += quoteInSet(character), i += character.length;
	}
	let end = i + 1, only = members.length === 1 && !negated ? members[0] : void 0;
	return only === void 0 ? {
		source: negated ? `[^/${source}]` : `[${source}]`,
		end
	} : {
		source: quote(only),
		literal: only,
		end
	};
}
function quote(text) {
	return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}
function quoteInSet(text) {
	return text.replaceAll(/[\\^[\]-]/g, String.raw`\$&`);
}
// src/archive/path-selection.ts
/**
* The declared paths, resolved on this machine.
*
* As in @actions/glob, patterns apply in their order and the last that matches decides. Unlike in
* @actions/cache, where `tar` takes matched folders whole, a `!exclusion` also takes effect below
* matched folders, and covers everything below what it matches.
*
* A path belongs to the first pattern that covers it. Catalogs name paths relative to that pattern's
* root, so that they find their place on a machine with another home or workspace.
*/
var PathSelection = class PathSelection {
	patterns;
	constructor(patterns) {
		this.patterns = patterns;
	}
	/**
	* The selection of some declared paths; empty lines and lines that start with `#` are ignored.
	*
	* @throws ERR_INPUT if a pattern is malformed or there is none that selects something.
	*/
	static of(paths, workingDirectory) {
		let patterns = paths.flatMap((path) => path.split(/\r?\n/)).map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#")).map((line) => compilePattern(line, workingDirectory));
		if (patterns.every((pattern) => pattern.negate)) throw inputError("No path was given. Name at least one path that is not an exclusion.");
		return new PathSelection(patterns);
	}
	/** Where an absolute path stands. */
	standingOf(path, isFolder) {
		let names = componentsOf(path), states = this.patterns.map((pattern) => pattern.segments.every((segment) => segment.kind === "any") ? COVERED : START);
		for (let [i, name] of names.entries()) states = this.#step(states, name, i < names.length - 1 || isFolder);
		return standing(states);
	}
	/** Where `name` in a folder stands. */
	step(folder, name, isFolder) {
		return folder.settled ? folder : standing(this.#step(folder.states, name, isFolder));
	}
	/** True if the path is selected: the last pattern that covers it is no exclusion. */
	includes(at) {
		for (let i = this.patterns.length - 1; i >= 0; --i) if (at.states[i] === COVERED) return !this.patterns[i].negate;
		return !1;
	}
	/** True if the pattern at `index` matches the path or a folder above it. */
	covers(at, index) {
		return at.states[index] === COVERED;
	}
	/** True if the path belongs to the pattern at `index`. */
	belongs(at, index) {
		return this.covers(at, index) && !this.isTaken(at, index);
	}
	/** True if the path and all below it belong to a pattern before the one at `index`. */
	isTaken(at, index) {
		for (let i = 0; i < index; i += 1) if (at.states[i] === COVERED && !this.patterns[i].negate) return !0;
		return !1;
	}
	/** True if something below a folder may be selected through the pattern at `index`. */
	reaches(at, index) {
		return at.states[index] === DEAD ? !1 : !at.settled || this.includes(at);
	}
	#step(states, name, isFolder) {
		return states.map((state, i) => stepMatch(this.patterns[i], state, name, isFolder));
	}
	/** ERR_PATH that says that nothing was found. */
	nothingFound() {
		let texts = this.patterns.map((p) => p.negate ? `!${p.text}` : p.text);
		return new SwarmCacheError("ERR_PATH", `Nothing was found at ${texts.join(", ")}. Check that the paths exist at this point of the job.`, { facts: { paths: texts } });
	}
};
function standing(states) {
	return {
		states,
		settled: states.every((state) => state === COVERED || state === DEAD)
	};
}
// src/archive/pack-jobs.ts
const JOB_BYTES = WINDOW_BYTES - 65536;
/**
* Puts segments together to jobs, each as much as fits one window, so that it asks once what is new.
*
* A scan is far ahead of the packing: what waits is kept in few large objects, which cost the collector nothing.
*/
var PackJobs = class {
	#ready = [];
	#next = 0;
	#segments = [];
	#bytes = 0;
	get hasNext() {
		return this.#next < this.#ready.length;
	}
	add(segment) {
		this.#bytes + segment.bytes > JOB_BYTES && this.end(), this.#segments.push(segment), this.#bytes += segment.bytes;
	}
	/** Completes the last job. */
	end() {
		this.#segments.length !== 0 && (this.#ready.push(encodeJob(this.#segments.flatMap(({ pieces }) => pieces))), this.#segments = [], this.#bytes = 0);
	}
	/** The next job, and its number. */
	take() {
		let index = this.#next;
		this.#next += 1;
		let job = this.#ready[index];
		return this.#ready[index] = void 0, {
			...job,
			index
		};
	}
};
function encodeJob(pieces) {
	let numbers = new Float64Array(pieces.length * 5), rows = new Uint32Array(pieces.length), paths = [], files = 0, at = 0;
	for (let { row, offset, bytes, last, ends } of pieces) rows[paths.length] = row.index, paths.push(row.path), numbers[at] = offset, numbers[at + 1] = bytes, numbers[at + 2] = row.seconds, numbers[at + 3] = row.nanos, numbers[at + 4] = (last ? PIECE_ENDS.FILE : 0) + (ends ? PIECE_ENDS.SEGMENT : 0), at += 5, last && (files += 1);
	return {
		job: {
			paths: paths.join("\0"),
			numbers
		},
		rows,
		files
	};
}
// src/archive/segment.ts
const SLICE_BYTES = 33554432;
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
		let own = row.bytes >= 1048576;
		(own || !(row.pathHash & 127)) && this.end();
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
		}), own && this.end();
	}
	end() {
		let end = this.#pieces.at(-1);
		end !== void 0 && (end.ends = !0, this.#onSegment({
			pieces: this.#pieces,
			bytes: this.#bytes
		}), this.#pieces = [], this.#bytes = 0);
	}
	#push(piece) {
		this.#pieces.push(piece), this.#bytes += piece.bytes;
	}
};
// src/archive/tree-scan.ts
const NANOS_A_SECOND = 1e9;
/**
* Finds what the declared paths select, in the order of the catalog; symbolic links are never followed,
* except that the literal beginning of a pattern with wildcards may lead through some.
*
* @throws ERR_PATH naming a folder that cannot be read, or what changed although it had to stay.
*/
async function scanTree(selection, options) {
	let scan = new TreeScan(selection, options);
	for (let [index, pattern] of selection.patterns.entries()) pattern.negate || await scan.scanRoot(index);
}
/** ERR_PATH for a tree that had to stay as it was. */
function changedError(path) {
	return new SwarmCacheError("ERR_PATH", `${textOf(path)} has changed since it was restored, so the tree is not packed as what was restored.`, { facts: { path: textOf(path) } });
}
var TreeScan = class {
	#selection;
	#options;
	#linked = /* @__PURE__ */ new Map();
	#folders = [];
	#turnEnds = 0;
	#names = 0;
	constructor(selection, options) {
		this.#selection = selection, this.#options = options;
	}
	async scanRoot(index) {
		let { root, isGlob } = this.#selection.patterns[index], stats = statOrUndefined(root, isGlob);
		if (stats === void 0) return;
		let at = this.#selection.standingOf(root, mayBeFolder(stats));
		this.#visit(index, root, "", 0, at, FNV_START, stats), await this.#drain(index);
	}
	async #drain(index) {
		for (;;) {
			let folder = this.#folders.at(-1);
			if (folder === void 0) return;
			let name = folder.names[folder.next++];
			name === void 0 ? this.#folders.pop() : (this.#names += 1, this.#names % 32 == 0 && performance.now() > this.#turnEnds && (await setImmediate$1(), this.#options.signal?.throwIfAborted(), this.#turnEnds = performance.now() + 10), this.#enter(index, folder, name));
		}
	}
	#enter(index, folder, name) {
		let selection = this.#selection, at = selection.step(folder.at, name, !0);
		if (!selection.belongs(at, index) && !selection.reaches(at, index)) return;
		let path = joinPath(folder.path, name), stats = statOrUndefined(path, !1);
		stats !== void 0 && (mayBeFolder(stats) || (at = selection.step(folder.at, name, !1)), this.#visit(index, path, name, folder.depth + 1, at, hashName(folder.pathHash, name), stats));
	}
	#visit(index, path, name, depth, at, pathHash, stats) {
		let selection = this.#selection;
		if (selection.isTaken(at, index)) return;
		let selected = selection.belongs(at, index) && selection.includes(at), kind = selected ? kindOf(stats) : stats.isDirectory() ? KIND.ANCESTOR : void 0;
		if (kind === void 0) {
			selected && this.#options.onWarning(`${textOf(path)} is neither a file, a folder nor a link: left out.`);
			return;
		}
		let { unchangedSince } = this.#options;
		if (selected && unchangedSince !== void 0 && Number(stats.ctimeMs) > unchangedSince) throw changedError(path);
		let row = this.#row(kind, index, path, name, depth, pathHash, stats);
		if (selected && this.#emit(row), stats.isDirectory() && selection.reaches(at, index)) {
			if (depth >= 2048) throw pathError("read", path, /* @__PURE__ */ Error("its folders nest too deep"));
			this.#folders.push({
				path,
				names: namesIn(path),
				next: 0,
				depth,
				at,
				pathHash,
				waiting: selected ? void 0 : row
			});
		}
	}
	#emit(row) {
		for (let folder of this.#folders) folder.waiting !== void 0 && (this.#options.onRow(folder.waiting), folder.waiting = void 0);
		this.#options.onRow(row);
	}
	#row(kind, pattern, path, name, depth, pathHash, stats) {
		let { seconds, nanos } = splitTime(stats.mtimeNs), row = {
			kind,
			depth,
			pattern,
			name,
			mode: Number(stats.mode) & 511,
			seconds,
			nanos,
			bytes: kind === KIND.FILE ? Number(stats.size) : 0,
			target: kind === KIND.SYMLINK ? targetOf(path) : "",
			path,
			pathHash,
			index: -1
		};
		return kind === KIND.FILE && stats.nlink > 1n ? this.#linkOrFirst(row, stats) : row;
	}
	/** The first name of a file is the file; the others are hard links to it. */
	#linkOrFirst(row, stats) {
		let inode = `${stats.dev}:${stats.ino}`, source = this.#linked.get(inode);
		return source === void 0 ? (this.#linked.set(inode, row), row) : {
			...row,
			kind: KIND.HARD_LINK,
			bytes: 0,
			source
		};
	}
};
const WHOLE = /* @__PURE__ */ new BigInt64Array(1), HALVES = new Uint32Array(WHOLE.buffer), LOW_HALF = endianness() === "LE" ? 0 : 1;
/** Seconds, rounded down, and the nanoseconds over: without big integers, of which each would be a new object. */
function splitTime(time) {
	WHOLE[0] = time;
	let seconds = Math.floor(Number(time) / NANOS_A_SECOND), nanos = HALVES[LOW_HALF] - Math.imul(seconds, NANOS_A_SECOND) | 0;
	return nanos < 0 ? (nanos += NANOS_A_SECOND, --seconds) : nanos >= NANOS_A_SECOND && (nanos -= NANOS_A_SECOND, seconds += 1), {
		seconds,
		nanos
	};
}
function kindOf(stats) {
	if (stats.isFile()) return KIND.FILE;
	if (stats.isDirectory()) return KIND.FOLDER;
	if (stats.isSymbolicLink()) return KIND.SYMLINK;
}
function mayBeFolder(stats) {
	return stats.isDirectory() || stats.isSymbolicLink();
}
function statOrUndefined(path, follow) {
	try {
		let options = {
			bigint: !0,
			throwIfNoEntry: !1
		};
		return follow ? statSync(fsPath(path), options) : lstatSync(fsPath(path), options);
	} catch (error) {
		if (errnoOf(error) === "ENOTDIR") return;
		throw pathError("look at", path, error);
	}
}
/** In byte order, which is the order of the catalog; empty if the folder has just vanished. */
function namesIn(path) {
	try {
		return readdirSync(fsPath(path), { encoding: "latin1" }).sort();
	} catch (error) {
		if (errnoOf(error) === "ENOENT") return [];
		throw pathError("read the folder", path, error);
	}
}
function targetOf(path) {
	try {
		return readlinkSync(fsPath(path), { encoding: "latin1" });
	} catch (error) {
		throw pathError("read the link", path, error);
	}
}
const FNV_START = 2166136261, FNV_PRIME = 16777619;
function hashName(parent, name) {
	let value = Math.imul(parent ^ 47, FNV_PRIME);
	for (let i = 0; i < name.length; i += 1) value = Math.imul(value ^ name.charCodeAt(i), FNV_PRIME);
	return value >>> 0;
}
/** Packs what the declared paths select; see `Archive.pack`. */
async function packTree(paths, sink, options) {
	return await new Packing(PathSelection.of(paths, options.workingDirectory), sink, options).run();
}
/** How many threads serve `options` beside the caller's. */
function threadsOf(options) {
	return options.threads ?? Math.min(availableParallelism(), 4);
}
var Packing = class {
	#selection;
	#options;
	/** Aborts with the caller's signal, and with the first failure so that nothing goes on after it. */
	#stop = new AbortController();
	#catalog = new CatalogWriter();
	#jobs = new PackJobs();
	#results = [];
	#newChunks;
	#newCatalogChunks;
	#warnings = /* @__PURE__ */ new Set();
	/** Of files by their row: bytes read more than expected, and what could not be read at all. */
	#growth = /* @__PURE__ */ new Map();
	#vanished = /* @__PURE__ */ new Set();
	#sink;
	#bytesScanned = 0;
	#progressFiles = 0;
	constructor(selection, sink, options) {
		this.#selection = selection, this.#sink = sink, this.#newChunks = new NewChunks(sink, this.#stop.signal), this.#newCatalogChunks = new NewChunks(sink, this.#stop.signal), this.#options = options;
	}
	async run() {
		let { signal } = this.#options;
		signal?.throwIfAborted();
		let onAbort = () => this.#stop.abort(signal?.reason);
		signal?.addEventListener("abort", onAbort, { once: !0 });
		try {
			return await this.#run();
		} catch (error) {
			throw this.#stop.abort(error), this.#clearInbox(), error;
		} finally {
			signal?.removeEventListener("abort", onAbort);
		}
	}
	#clearInbox() {
		let { inbox } = this.#newChunks;
		try {
			inbox !== void 0 && clearInbox(inbox);
		} catch {}
	}
	async #run() {
		let segmenter = new Segmenter((segment) => {
			this.#jobs.add(segment), this.#wake();
		}), stopping = (error) => this.#stop.abort(error), asFound = this.#scan(segmenter).then(async () => await this.#packCatalog(this.#catalog.finish()));
		await Promise.all([asFound.catch(stopping), this.#packSegments().catch(stopping)]), this.#stop.signal.throwIfAborted();
		let chunks = this.#results.flat(), { newBytes, newCount, storedBytes } = this.#newChunks, amended = this.#amendedCatalog(), catalog = await (amended === void 0 ? asFound : this.#packCatalog(amended.catalog)), contentBytes = 0;
		for (let chunk of chunks) contentBytes += chunk.bytes;
		return {
			manifest: {
				catalog,
				content: chunks
			},
			files: amended?.files ?? this.#catalog.files,
			bytes: {
				content: contentBytes,
				new: newBytes,
				stored: storedBytes + this.#newCatalogChunks.storedBytes
			},
			chunks: {
				total: chunks.length,
				new: newCount
			},
			warnings: [...this.#warnings]
		};
	}
	async #scan(segmenter) {
		if (await scanTree(this.#selection, {
			signal: this.#stop.signal,
			onRow: (row) => {
				row.index = this.#catalog.add(row, row.source?.index), this.#bytesScanned += row.bytes, segmenter.add(row);
			},
			unchangedSince: this.#options.unchangedSince,
			onWarning: (text) => this.#warnings.add(text)
		}), this.#catalog.count === 0) throw this.#selection.nothingFound();
		segmenter.end(), this.#jobs.end(), this.#scanned = !0, this.#wake();
	}
	#scanned = !1;
	#wake = () => {};
	/** Resolves once there is a job (true) or there will be no more. */
	async #hasJob() {
		for (; !this.#scanned && !this.#jobs.hasNext;) await this.#change();
		return this.#jobs.hasNext;
	}
	async #change() {
		await abortable(new Promise((resolve) => this.#wake = resolve), this.#stop.signal);
	}
	async #packSegments() {
		for (; !this.#scanned && !this.#isLarge();) await this.#change();
		let threads = this.#isLarge() ? threadsOf(this.#options) : 0;
		await using crew = new PackCrew(this.#newChunks, threads);
		threads > 0 && (this.#newChunks.inbox = await this.#openInbox());
		let running = /* @__PURE__ */ new Set();
		for (; await this.#hasJob();) {
			let pack = await abortable(crew.reserve(), this.#stop.signal), work = this.#packJob(pack).finally(() => running.delete(work));
			work.catch((error) => this.#stop.abort(error)), running.add(work);
		}
		await abortable(Promise.all(running), this.#stop.signal);
	}
	/** Without an inbox chunks are put, which says what is wrong if that cannot be done either. */
	async #openInbox() {
		try {
			return await abortable(Promise.resolve(this.#sink.inbox?.()), this.#stop.signal);
		} catch {
			this.#stop.signal.throwIfAborted();
			return;
		}
	}
	#isLarge() {
		return this.#bytesScanned > 16777216 || this.#catalog.count > 1500;
	}
	async #packJob(pack) {
		let { index, job, rows, files } = this.#jobs.take(), { inbox } = this.#newChunks, { chunks, deviations } = await pack({
			...job,
			inbox: inbox && {
				path: join(inbox.folder, inbox.prefix),
				firstFile: index * 4096
			}
		});
		this.#results[index] = chunks;
		for (let { piece, bytes, state } of deviations) {
			let row = rows[piece], growth = bytes - job.numbers[piece * 5 + 1];
			growth !== 0 && this.#growth.set(row, (this.#growth.get(row) ?? 0) + growth), state !== FILE_STATE.AS_FOUND && this.#noteChange(row, job.paths.split("\0")[piece], state);
		}
		this.#progressFiles += files, this.#options.onProgress?.({
			bytes: this.#newChunks.bytesCut,
			files: this.#progressFiles
		});
	}
	/** The catalog if files were read other than they had been found. */
	#amendedCatalog() {
		let [growth, vanished] = [this.#growth, this.#vanished];
		if (growth.size + vanished.size !== 0) return amendCatalog(this.#catalog.finish(), this.#bytesScanned, {
			growth,
			vanished
		});
	}
	#noteChange(row, path, state) {
		if (this.#options.unchangedSince !== void 0) throw changedError(path);
		state === FILE_STATE.VANISHED && this.#vanished.add(row), this.#warnings.add(state === FILE_STATE.VANISHED ? `${textOf(path)} vanished before it was read: left out.` : `${textOf(path)} changed while it was read: saved as it was read.`);
	}
	async #packCatalog(catalog) {
		let packer = new SegmentPacker(this.#newCatalogChunks, makeNewFrame);
		return await abortable(packer.packBytes(catalog), this.#stop.signal);
	}
};
// src/archive/pack-stream.ts
/** Cuts a stream of bytes into chunks and sends the new ones; see `Archive.packStream`. */
async function packStream(content, sink, signal) {
	signal?.throwIfAborted();
	let work = new SegmentPacker(new NewChunks(sink, signal), makeNewFrame).packStream(content);
	return [...await (signal === void 0 ? work : abortable(work, signal))];
}
// src/archive/overlapping-roots.ts
/**
* Checks roots of which one lies in another declared path on this machine.
*
* The tree form of a catalog rules out, below one root, two rows of one path and rows below a link or
* file; across roots that meet, only their absolute paths tell.
*
* @throws ERR_PATH if two rows claim the same path, or a row lies below one that is no folder, in the
* catalog or on the disk.
*/
function assertRootsApart(columns, paths, selection) {
	let roots = rootsOf(columns).map((pattern) => selection.patterns[pattern]);
	for (let { root } of roots) assertNoLinkAbove(root, selection);
	if (!roots.some((a) => roots.some((b) => a !== b && isAtOrBelow(a.root, b.root)))) return;
	let kinds = /* @__PURE__ */ new Map();
	for (let i = 0; i < columns.count; i += 1) {
		let path = paths.pathOf(i), kind = columns.kinds[i], known = kinds.get(path), isListed = kind !== KIND.ANCESTOR && known !== KIND.ANCESTOR;
		if (known !== void 0 && (isListed || !isFolderKind(known) || !isFolderKind(kind))) throw clash(path);
		kinds.set(path, kind);
	}
	for (let { root } of roots) for (let above = parentOf(root); above !== void 0; above = parentOf(above)) {
		let kind = kinds.get(above);
		if (kind !== void 0 && !isFolderKind(kind)) throw clash(root);
	}
}
/** Above a root links are followed, but not where another declared path says that they are its own. */
function assertNoLinkAbove(root, selection) {
	for (let path = parentOf(root); path !== void 0; path = parentOf(path)) {
		let above = path, at = selection.standingOf(above, !0);
		if (selection.patterns.some((outer, i) => !outer.negate && selection.covers(at, i) && !(outer.isGlob && outer.root === above)) && isSymbolicLink(above)) throw clash(root);
	}
}
function rootsOf(columns) {
	let found = [];
	for (let parent of columns.parents) parent < 0 && found.push(-1 - parent);
	return found;
}
function isAtOrBelow(path, folder) {
	return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}
function isSymbolicLink(path) {
	try {
		return lstatSync(fsPath(path), { throwIfNoEntry: !1 })?.isSymbolicLink() ?? !1;
	} catch {
		return !1;
	}
}
function clash(path) {
	return new SwarmCacheError("ERR_PATH", `The cache entry places several things at ${textOf(path)}, or reaches it through a link, where declared paths overlap. Declare paths that do not lie in each other.`, { facts: { path: textOf(path) } });
}
// src/archive/exact-times.ts
const UTIMENSAT = {
	x64: 280,
	arm64: 88
}, BATCH_ROWS = 2048;
/**
* Corrects modification times to the nanosecond, where the system can, while other work goes on.
*
* Node passes times as floating-point seconds, which are off by up to 240 ns. Linux takes nanoseconds, and
* perl, which comes with every Debian, Ubuntu and Fedora, can call it. Where that is not so the times stay as
* they are: nothing is reported, since what differs is far below what any build tool compares.
*/
var ExactTimes = class {
	#columns;
	#paths;
	#waiting = [];
	#child;
	#ended = Promise.resolve();
	#isFull = !1;
	#isGone;
	constructor(columns, paths) {
		this.#columns = columns, this.#paths = paths, this.#isGone = process.platform !== "linux" || UTIMENSAT[process.arch] === void 0;
	}
	/** Sees to the time of a row whose path is final and has the time that Node gave it. */
	add(index) {
		this.#isGone || isExact(this.#columns.seconds[index], this.#columns.nanos[index]) || (this.#waiting.push(index), this.#waiting.length >= BATCH_ROWS && this.#pump());
	}
	/** Resolves when every time is set that can be. */
	async finish() {
		let stop = new AbortController(), late = pause(3e4, stop.signal).then(() => this.abandon(), () => {});
		for (; this.#waiting.length > 0 && !this.#isGone;) this.#pump(), this.#isFull && await Promise.race([this.#drained(), this.#ended]);
		this.#child?.stdin.end(), await this.#ended, stop.abort(), await late;
	}
	/** Sets no more times; resolves when nothing touches the tree any more. */
	async abandon() {
		this.#isGone = !0, this.#child?.kill("SIGKILL"), await this.#ended;
	}
	#pump() {
		if (this.#isFull || this.#isGone) return;
		this.#child ??= this.#start();
		let records = "", rows = this.#waiting.splice(0, BATCH_ROWS);
		for (let i of rows) records += `${this.#columns.seconds[i]} ${this.#columns.nanos[i]} ${this.#paths.pathOf(i)}\0`;
		this.#isFull = !this.#child.stdin.write(Buffer.from(records, "latin1")), this.#isFull && this.#drained().then(() => {
			this.#isFull = !1;
		});
	}
	#drained() {
		return new Promise((resolve) => this.#child.stdin.once("drain", resolve));
	}
	#start() {
		let child = spawn("perl", [
			"-e",
			"\n$/ = \"\\0\"; binmode STDIN; my $call = $ARGV[0] + 0;\nwhile (<STDIN>) {\n  chomp; my ($s, $n, $path) = split / /, $_, 3;\n  my $times = pack(\"q4\", $s, $n, $s, $n); syscall($call, -100, $path, $times, 256);\n}",
			String(UTIMENSAT[process.arch])
		], {
			cwd: "/",
			env: { PATH: "/usr/bin:/bin:/usr/local/bin" },
			stdio: [
				"pipe",
				"ignore",
				"ignore"
			]
		});
		return child.stdin.on("error", () => {}), this.#ended = new Promise((resolve) => {
			let onEnd = () => {
				this.#isGone = !0, resolve();
			};
			child.once("error", onEnd), child.once("close", onEnd);
		}), child;
	}
};
/** True if the time survives being a floating-point number of seconds, as Node takes it apart again. */
function isExact(seconds, nanos) {
	let time = seconds + nanos / 1e9;
	return time >= 0 && Math.trunc((time - seconds) * 1e9) === nanos;
}
/** Makes the folders of a tree as they are needed, and gives them their modes and times at the end. */
var FolderWriter = class {
	#state;
	#paths;
	/** True for patterns whose root may be reached through a symbolic link. */
	#followsRoot;
	#ready;
	/** Folders above the declared paths that this restore made, outermost first. */
	#above = [];
	/** Folders that were not writable, with the mode they had. */
	#opened = /* @__PURE__ */ new Map();
	constructor(state, paths, followsRoot) {
		this.#state = state, this.#paths = paths, this.#followsRoot = followsRoot, this.#ready = new Uint8Array(state.columns.count);
	}
	/** Makes sure that what a row lies in is there and can be written into. */
	ensureAbove(index) {
		let parent = this.#state.columns.parents[index];
		if (parent >= 0) {
			this.ensure(parent);
			return;
		}
		let above = parentOf(this.#state.roots[-1 - parent]);
		above !== void 0 && this.#makeAbove(above);
	}
	/** Makes sure that the folder at `index` is there and can be written into. */
	ensure(index) {
		if (this.#ready[index] === 1) return;
		this.ensureAbove(index);
		let path = this.#paths.pathOf(index);
		try {
			this.#state.onDisk[index] === ON_DISK.MISSING ? this.#make(index, fsPath(path)) : this.#reuse(index, fsPath(path));
		} catch (error) {
			throw pathError("make the folder", path, error);
		}
		this.#ready[index] = 1;
	}
	/** Gives folders their modes and times, and tells which; call it when nothing is written any more. */
	finish(onFinished) {
		let { columns, onDisk, made, umask } = this.#state;
		for (let i = columns.count - 1; i >= 0; --i) {
			let opened = this.#opened.get(i), kind = columns.kinds[i];
			if (kind === KIND.ANCESTOR && opened === void 0 || !isFolderKind(kind) || onDisk[i] === ON_DISK.SAME && this.#ready[i] === 0) continue;
			let path = this.#paths.pathOf(i);
			try {
				if (kind === KIND.ANCESTOR) {
					chmodSync(fsPath(path), opened);
					continue;
				}
				let mode = columns.modes[i];
				(made[i] !== 1 || ((mode | 448) & ~umask) !== mode) && chmodSync(fsPath(path), mode);
				let time = utime(columns, i);
				utimesSync(fsPath(path), time, time), onFinished(i);
			} catch (error) {
				throw pathError("finish the folder", path, error);
			}
		}
	}
	/** Takes back what was made above the declared paths, and modes that were changed. */
	undo() {
		for (let [index, mode] of this.#opened) attempt(() => chmodSync(fsPath(this.#paths.pathOf(index)), mode));
		for (let path of this.#above.toReversed()) attempt(() => rmdirSync(fsPath(path)));
	}
	#make(index, path) {
		let { columns, made } = this.#state, mode = columns.kinds[index] === KIND.FOLDER ? columns.modes[index] | 448 : 511;
		try {
			mkdirSync(path, mode), made[index] = 1;
		} catch (error) {
			if (errnoOf(error) !== "EEXIST") throw error;
			this.#reuse(index, path);
		}
	}
	/** Takes a folder that is there; anything else in its place is replaced, and never followed. */
	#reuse(index, path) {
		let { parents } = this.#state.columns, parent = parents[index], stats = parent < 0 && this.#followsRoot(-1 - parent) ? statSync(path) : lstatSync(path);
		stats.isDirectory() ? (stats.mode & 192) != 192 && (this.#opened.set(index, stats.mode & 4095), chmodSync(path, stats.mode & 4095 | 448)) : (unlinkSync(path), this.#make(index, path));
	}
	#makeAbove(path) {
		try {
			if (statSync(fsPath(path), { throwIfNoEntry: !1 }) !== void 0) return;
			let above = parentOf(path);
			above !== void 0 && this.#makeAbove(above), mkdirSync(fsPath(path)), this.#above.push(path);
		} catch (error) {
			if (errnoOf(error) !== "EEXIST") throw pathError("make the folder", path, error);
		}
	}
};
/** Undoing goes on whatever a single step says: what is left behind is reported by nobody. */
function attempt(step) {
	try {
		step();
	} catch {}
}
/** One run of writing a tree; see `UnpackPlan.write`. */
var Unpacking = class {
	#parts;
	#folders;
	#times;
	#stop = new AbortController();
	#inFlight = new Limit(33554432);
	#arrived = /* @__PURE__ */ new Set();
	#tells = !1;
	#written = Promise.withResolvers();
	#chunksWritten = 0;
	#bytes = 0;
	#files = 0;
	constructor(parts) {
		this.#parts = parts, this.#times = new ExactTimes(parts.state.columns, parts.paths), this.#folders = new FolderWriter(parts.state, parts.paths, parts.followsRoot), this.#written.promise.catch(() => {}), parts.placed.size === 0 && this.#written.resolve();
	}
	async run(frames, signal) {
		let onAbort = () => this.#stop.abort(signal?.reason);
		signal?.aborted === !0 ? onAbort() : signal?.addEventListener("abort", onAbort, { once: !0 });
		try {
			this.#stop.signal.throwIfAborted(), await this.#takeFrames(frames), this.#makeContentless(), await abortable(this.#written.promise, this.#stop.signal), this.#makeLinks(), this.#folders.finish((folder) => this.#noteTime(folder)), await this.#times.finish(), this.#tellProgress();
		} catch (error) {
			throw await Promise.all([this.#parts.crew.halt(), this.#times.abandon()]), this.#undo(), error;
		} finally {
			signal?.removeEventListener("abort", onAbort);
		}
	}
	async #takeFrames(frames) {
		let { placed } = this.#parts, { signal } = this.#stop;
		if (placed.size === 0) return;
		let iterator = frames[Symbol.asyncIterator]();
		try {
			for (; this.#tells || this.#arrived.size < placed.size;) {
				let next = await abortable(iterator.next(), signal);
				if (next.done === !0) break;
				this.#tells ||= next.value.settle !== void 0, await this.#take(next.value);
			}
		} finally {
			Promise.resolve(iterator.return?.()).catch(() => {});
		}
		for (let [digest, { chunk }] of placed) {
			if (this.#arrived.has(digest)) continue;
			let missing = placed.size - this.#arrived.size;
			throw new SwarmCacheError("ERR_INTEGRITY", `${missing} of ${placed.size} chunks never came, the first of them ${digest} of ${chunk.bytes} bytes.`, { facts: {
				digest,
				missing
			} });
		}
	}
	async #take(frame) {
		let { placed, crew } = this.#parts, { digest } = frame.chunk, wanted = placed.get(digest);
		if (wanted === void 0 || this.#arrived.has(digest)) {
			frame.settle?.(!1);
			return;
		}
		let frameBytes = frame.place?.bytes ?? frame.bytes.length;
		if (frameBytes > 1056768) throw new SwarmCacheError("ERR_INTEGRITY", `The frame of chunk ${digest} has ${frameBytes} bytes, more than any chunk can need.`, { facts: { digest } });
		let { bytes } = wanted.chunk, held = await this.#inFlight.acquire(bytes, this.#stop.signal);
		this.#arrived.add(digest);
		for (let place of wanted.places) this.#makeFolders(place, bytes);
		crew.write({
			placed: wanted,
			frame,
			onWritten: (files) => {
				held[Symbol.dispose](), frame.settle?.(!0);
				for (let place of wanted.places) this.#noteTimes(place, bytes);
				this.#noteWritten(bytes * wanted.places.length, files);
			},
			onError: (error) => {
				held[Symbol.dispose]();
				let isBad = isSwarmCacheError(error, "ERR_INTEGRITY") || isSwarmCacheError(error, "ERR_STORE");
				frame.settle === void 0 || !isBad ? this.#stop.abort(error) : (this.#arrived.delete(digest), frame.settle(!1));
			}
		});
	}
	#noteWritten(bytes, files) {
		this.#bytes += bytes, this.#files += files, this.#chunksWritten += 1, this.#tellProgress(), this.#chunksWritten === this.#parts.placed.size && this.#written.resolve();
	}
	/** Sees to the times of the files that are complete with the content at `offset`. */
	#noteTimes(offset, bytes) {
		let { columns, onDisk, piecesLeft } = this.#parts.state, { contentFiles, starts } = columns;
		for (let i = firstContentFile(columns, offset); i < contentFiles.length; i += 1) {
			let file = contentFiles[i], start = starts[file];
			if (start >= offset + bytes) return;
			onDisk[file] !== ON_DISK.SAME && (start >= offset && start + columns.sizes[file] <= offset + bytes || this.#isLastPiece(file, piecesLeft)) && this.#noteTime(file);
		}
	}
	#isLastPiece(file, piecesLeft) {
		return Atomics.load(piecesLeft, file) === 0;
	}
	/** A root that may be a link to somewhere else keeps the time that Node can give it. */
	#noteTime(index) {
		let parent = this.#parts.state.columns.parents[index];
		(parent >= 0 || !this.#parts.followsRoot(-1 - parent)) && this.#times.add(index);
	}
	#tellProgress() {
		this.#parts.onProgress?.({
			bytes: this.#bytes,
			files: this.#files
		});
	}
	#makeFolders(offset, bytes) {
		let { columns, onDisk } = this.#parts.state, { contentFiles, starts } = columns;
		for (let i = firstContentFile(columns, offset); i < contentFiles.length; i += 1) {
			let file = contentFiles[i];
			if (starts[file] >= offset + bytes) return;
			onDisk[file] !== ON_DISK.SAME && this.#folders.ensureAbove(file);
		}
	}
	/** Makes empty files and all folders that no content has asked for. */
	#makeContentless() {
		let { state, crew } = this.#parts, { columns, onDisk } = state;
		for (let i = 0; i < columns.count; i += 1) onDisk[i] !== ON_DISK.SAME && (isFolderKind(columns.kinds[i]) ? onDisk[i] !== ON_DISK.DIFFERENT && this.#folders.ensure(i) : columns.kinds[i] === KIND.FILE && columns.sizes[i] === 0 && (this.#folders.ensureAbove(i), crew.writeEmpty(i), this.#noteTime(i), this.#files += 1));
	}
	/** Links come after all files, so that no file is ever written through one. */
	#makeLinks() {
		let { columns, onDisk } = this.#parts.state;
		for (let i = 0; i < columns.count; i += 1) {
			let kind = columns.kinds[i];
			if (onDisk[i] === ON_DISK.SAME || kind !== KIND.HARD_LINK && kind !== KIND.SYMLINK) continue;
			let path = this.#parts.paths.pathOf(i);
			this.#folders.ensureAbove(i);
			try {
				this.#makeLink(i, fsPath(path));
			} catch (error) {
				throw pathError("make the link", path, error);
			}
			this.#files += 1;
		}
	}
	#makeLink(index, path) {
		let { state, paths } = this.#parts, { columns, onDisk, made } = state;
		if (onDisk[index] !== ON_DISK.MISSING && removeObstacle(path), columns.kinds[index] === KIND.HARD_LINK) {
			linkSync(fsPath(paths.pathOf(columns.linkSources[index])), path), made[index] = 1;
			return;
		}
		symlinkSync(fsPath(paths.targetOf(index)), path), made[index] = 1;
		let time = utime(columns, index);
		lutimesSync(path, time, time), this.#noteTime(index);
	}
	/** Removes what this run made, children before their folders. */
	#undo() {
		let { state, paths } = this.#parts, { columns, made } = state;
		for (let i = 0; i < columns.count; i += 1) {
			let isClosed = isFolderKind(columns.kinds[i]) && (columns.modes[i] & 192) != 192;
			made[i] === 1 && isClosed && attempt(() => chmodSync(fsPath(paths.pathOf(i)), 448));
		}
		for (let i = columns.count - 1; i >= 0; --i) {
			if (made[i] === 0) continue;
			let path = fsPath(paths.pathOf(i));
			isFolderKind(columns.kinds[i]) ? attempt(() => rmdirSync(path)) : attempt(() => unlinkSync(path));
		}
		this.#folders.undo();
	}
};
// src/archive/write-crew.ts
const BATCH_BYTES = 524288;
/** Opens frames and writes what is in them, on threads, or on the caller's if there are none. */
var WriteCrew = class {
	#state;
	#writer;
	#threads = [];
	#batch = [];
	#batchBytes = 0;
	#flushTimer;
	#reader = new FrameReader();
	#own = /* @__PURE__ */ new Set();
	/** Starts threads, once; what they are to write is said later. */
	start(threads) {
		this.#threads.length > 0 || (this.#threads = Array.from({ length: threads }, () => new WriteThread()));
	}
	/** Says what is written, before anything is. */
	open(state) {
		this.#state = state, this.#writer = new TreeWriter(state);
		for (let { worker } of this.#threads) worker.postMessage(state);
	}
	/** Keeps the process alive until `close`. */
	hold() {
		for (let thread of this.#threads) thread.worker.ref();
	}
	/** Takes an order; orders are carried out in any order. */
	write(order) {
		if (this.#threads.length === 0) {
			let work = this.#writeHere(order).finally(() => this.#own.delete(work));
			this.#own.add(work);
			return;
		}
		let bytes = frameBytes(order);
		this.#batchBytes + bytes > BATCH_BYTES && this.#flush(), this.#batch.push(order), this.#batchBytes += bytes, this.#flushTimer ??= setImmediate(() => this.#flush());
	}
	/** Writes a file without content, on the caller's thread. */
	writeEmpty(file) {
		this.#writer.writeFile(file, /* @__PURE__ */ new Uint8Array());
	}
	/** Ends writing as soon as the files under way are done, and resolves when nothing writes any more. */
	async halt() {
		this.#state !== void 0 && Atomics.store(this.#state.stop, 0, 1), this.#batch = [], clearImmediate(this.#flushTimer), await Promise.all([...this.#own, ...this.#threads.map((thread) => thread.idle())]);
	}
	async close() {
		await Promise.all(this.#threads.map((thread) => thread.worker.terminate()));
	}
	#flush() {
		clearImmediate(this.#flushTimer), this.#flushTimer = void 0, this.#batch.length !== 0 && (this.#threads.reduce((a, b) => b.bytesWaiting < a.bytesWaiting ? b : a).send(this.#batch, this.#batchBytes), this.#batch = [], this.#batchBytes = 0);
	}
	async #writeHere({ placed, frame, onWritten, onError }) {
		let writer = this.#writer;
		try {
			let { place } = frame, bytes = place === void 0 ? frame.bytes : new Uint8Array(this.#reader.read(place)), plain = await openFrame({
				chunk: placed.chunk,
				bytes
			}), before = writer.filesWritten;
			for (let offset of placed.places) writer.writeContent(plain, offset);
			freeMemory(plain), onWritten(writer.filesWritten - before);
		} catch (error) {
			onError(error);
		}
	}
};
function frameBytes({ frame }) {
	return frame.place?.bytes ?? frame.bytes.length;
}
var WriteThread = class {
	worker;
	#waiting = [];
	/** Buffers that came back: at most as many as were under way at a time. */
	#spare = [];
	#onIdle = () => {};
	#failure;
	bytesWaiting = 0;
	constructor() {
		this.worker = startThread("unpack-worker"), this.worker.on("message", (outcome) => this.#receive(outcome)), this.worker.on("error", (error) => this.#fail(error)), this.worker.on("exit", () => this.#fail(/* @__PURE__ */ Error("A writing thread ended before its work was done."))), this.worker.unref();
	}
	send(orders, byteCount) {
		if (this.#failure !== void 0) {
			for (let order of orders) order.onError(this.#failure);
			return;
		}
		let jobs = [], bytes, start = 0;
		for (let { placed, frame } of orders) {
			let { chunk, places } = placed;
			if (frame.place !== void 0) {
				jobs.push({
					chunk,
					frame: frame.place,
					places
				});
				continue;
			}
			bytes ??= this.#buffer(byteCount), bytes.set(frame.bytes, start);
			let end = start + frame.bytes.length;
			jobs.push({
				chunk,
				frame: {
					start,
					end
				},
				places
			}), start = end;
		}
		this.#waiting.push({
			orders,
			bytes: byteCount
		}), this.bytesWaiting += byteCount;
		let batch = {
			bytes,
			jobs
		};
		this.worker.postMessage(batch, bytes === void 0 ? [] : [bytes.buffer]);
	}
	#buffer(byteCount) {
		return byteCount > BATCH_BYTES ? new Uint8Array(byteCount) : this.#spare.pop() ?? new Uint8Array(BATCH_BYTES);
	}
	/** Resolves when everything sent has been answered. */
	async idle() {
		this.#waiting.length !== 0 && await new Promise((resolve) => this.#onIdle = resolve);
	}
	#receive({ files, failures, bytes }) {
		bytes?.length === BATCH_BYTES && this.#spare.push(bytes);
		let batch = this.#waiting.shift();
		if (batch === void 0) return;
		this.bytesWaiting -= batch.bytes;
		let failed = new Map(failures.map(({ job, error }) => [job, error])), filesToTell = files;
		for (let [i, order] of batch.orders.entries()) {
			let error = failed.get(i);
			error === void 0 ? (order.onWritten(filesToTell), filesToTell = 0) : order.onError(unpackError(error));
		}
		this.#waiting.length === 0 && this.#onIdle();
	}
	#fail(error) {
		this.#failure = error;
		for (let { orders } of this.#waiting.splice(0)) for (let order of orders) order.onError(error);
		this.#onIdle();
	}
};
// src/archive/plan.ts
const THREADS_FROM_BYTES = 16777216;
/** Reads a catalog and compares it with the disk; see `Archive.plan`. */
async function planTree(manifest, catalog, paths, options) {
	let { signal } = options;
	signal?.throwIfAborted();
	let selection = PathSelection.of(paths, options.workingDirectory), contentBytes = totalBytes(manifest.content), isCold = selection.patterns.every(({ root }) => !existsSync(fsPath(root))), crew = new WriteCrew();
	isCold && contentBytes > THREADS_FROM_BYTES && crew.start(threadsOf(options));
	try {
		return await comparePlan(manifest, catalog, {
			selection,
			contentBytes,
			crew
		}, options);
	} catch (error) {
		throw await crew.close(), error;
	}
}
async function comparePlan(manifest, catalog, parts, options) {
	let { signal } = options, { selection, contentBytes } = parts, columns = decodeCatalog(await readCatalog(manifest.catalog, catalog, signal), {
		contentBytes,
		patterns: selection.patterns.length
	}), roots = selection.patterns.map((pattern) => pattern.root), catalogPaths = new CatalogPaths(columns, roots), onDisk = await compareTree(columns, catalogPaths, selection, signal);
	assertRootsApart(columns, catalogPaths, selection);
	let piecesLeft = new Int32Array(new SharedArrayBuffer(columns.count * 4)), placed = placeChunks(manifest.content, columns, (file) => onDisk[file] !== ON_DISK.SAME, piecesLeft);
	return new TreePlan({
		columns,
		roots,
		onDisk,
		made: new Uint8Array(new SharedArrayBuffer(columns.count)),
		parts: new Int32Array(new SharedArrayBuffer(columns.count * 4)),
		piecesLeft,
		stop: new Int32Array(new SharedArrayBuffer(4)),
		umask: process.umask()
	}, catalogPaths, placed, parts, options);
}
/** The plain bytes of the catalog, from its frames in order. */
async function readCatalog(chunks, frames, signal) {
	let bytes = totalBytes(chunks);
	if (bytes > 268435456) throw new SwarmCacheError("ERR_INTEGRITY", `The manifest claims a catalog of ${bytes} bytes.`, { facts: { malformed: !0 } });
	let plains = [], iterator = frames[Symbol.asyncIterator]();
	try {
		for (; plains.length < chunks.length;) {
			let pending = iterator.next(), next = await (signal === void 0 ? pending : abortable(pending, signal)), chunk = chunks[plains.length];
			if (next.done === !0) throw new SwarmCacheError("ERR_INTEGRITY", `The catalog ends after ${plains.length} of ${chunks.length} chunks.`, { facts: { digest: chunk.digest } });
			plains.push(await openFrame({
				chunk,
				bytes: next.value.bytes
			}));
		}
	} finally {
		Promise.resolve(iterator.return?.()).catch(() => {});
	}
	return Buffer.concat(plains);
}
var TreePlan = class {
	chunks;
	files;
	skipped;
	contentBytes;
	#crew;
	#unpacking;
	#signal;
	#isUsed = !1;
	constructor(state, paths, placed, { selection, contentBytes, crew }, options) {
		let { files, skipped } = countFiles(state.columns, state.onDisk);
		this.chunks = Array.from(placed.values(), ({ chunk }) => chunk), this.files = files, this.skipped = skipped, this.contentBytes = contentBytes, this.#signal = options.signal, (files - skipped > 1500 || totalBytes(this.chunks) > THREADS_FROM_BYTES) && crew.start(threadsOf(options)), crew.open(state), this.#crew = crew, this.#unpacking = new Unpacking({
			state,
			paths,
			crew: this.#crew,
			placed,
			followsRoot: (pattern) => selection.patterns[pattern].isGlob,
			onProgress: options.onProgress
		});
	}
	async write(frames, options = {}) {
		if (this.#isUsed) throw new SwarmCacheError("ERR_CLOSED", "This plan was carried out or closed. Make a new one.");
		this.#isUsed = !0, this.#crew.hold();
		let signals = [this.#signal, options.signal].filter((signal) => signal !== void 0);
		await this.#unpacking.run(frames, signals.length === 0 ? void 0 : AbortSignal.any(signals));
	}
	async close() {
		this.#isUsed = !0, await this.#crew.close();
	}
};
function countFiles(columns, onDisk) {
	let files = 0, skipped = 0;
	for (let i = 0; i < columns.count; i += 1) columns.kinds[i] < KIND.FILE || (files += 1, onDisk[i] === ON_DISK.SAME && (skipped += 1));
	return {
		files,
		skipped
	};
}
// src/archive/tree-archive.ts
/** Packs and unpacks trees of the local file system. */
var TreeArchive = class {
	pack(paths, sink, options) {
		return packTree(paths, sink, options);
	}
	plan(manifest, catalog, paths, options) {
		return planTree(manifest, catalog, paths, options);
	}
	packStream(content, sink, options = {}) {
		return packStream(content, sink, options.signal);
	}
};
export { TreeArchive };
