import { n as errnoOf, t as SwarmCacheError } from "./errors.js";
import { t as digestOf } from "./digest.js";
import "./manifest.js";
import { a as textOf, n as fsPath, r as joinPath } from "./byte-path.js";
import { c as pathError, n as KIND } from "./catalog.js";
import "./segment.js";
import { hash, randomUUID } from "node:crypto";
import { endianness } from "node:os";
import { dirname, join } from "node:path";
import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, readFileSync, readdirSync, readlinkSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
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
		this.#visit(index, root, "", 0, at, PATH_HASH_START, stats), await this.#drain(index);
	}
	async #drain(index) {
		for (;;) {
			let folder = this.#folders.at(-1);
			if (folder === void 0) return;
			let name = folder.names[folder.next++];
			name === void 0 ? this.#folders.pop() : (this.#names += 1, this.#names % 32 == 0 && performance.now() > this.#turnEnds && (await setImmediate(), this.#options.signal?.throwIfAborted(), this.#turnEnds = performance.now() + 10), this.#enter(index, folder, name));
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
				stats,
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
			index: -1,
			stats,
			folder: this.#folders.at(-1)?.stats
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
/** Hash of the path of a root. */
const PATH_HASH_START = 2166136261, FNV_PRIME = 16777619;
/** Hash of the path of `name` in a folder. */
function hashName(parent, name) {
	let value = Math.imul(parent ^ 47, FNV_PRIME);
	for (let i = 0; i < name.length; i += 1) value = Math.imul(value ^ name.charCodeAt(i), FNV_PRIME);
	return value >>> 0;
}
// src/archive/segment-key.ts
const COARSE_TICK_MS = 4e3;
/**
* Names what the content of segments is, without reading it: by the properties of their files that cannot stay as
* they are when content changes, above all the ctime, which no program can set.
*
* As with every backup tool that looks at times, what a process writes later through a mapping of a file that
* it made before is not noticed where the file system does not note the time of such writes.
*/
var SegmentKeys = class {
	#settledBefore;
	#coarseSettledBefore;
	#integers = /* @__PURE__ */ new BigInt64Array();
	#numbers = /* @__PURE__ */ new Float64Array();
	/** `startedMs` is when the scan began. */
	constructor(startedMs) {
		this.#settledBefore = startedMs - 100, this.#coarseSettledBefore = startedMs - COARSE_TICK_MS;
	}
	/** Undefined if a file has changed so recently that it may change again unnoticed. */
	keyOf({ pieces }) {
		this.#reserve(1 + pieces.length * 7);
		let integers = this.#integers, numbers = this.#numbers;
		numbers[0] = 1;
		let at = 1;
		for (let { row, offset } of pieces) {
			let { stats } = row, { seconds, nanos } = splitTime(stats.ctimeNs);
			if (seconds * 1e3 + nanos / 1e6 >= (nanos === 0 ? this.#coarseSettledBefore : this.#settledBefore)) return;
			integers[at] = stats.dev, integers[at + 1] = stats.ino, integers[at + 2] = stats.ctimeNs, integers[at + 3] = stats.mtimeNs, numbers[at + 4] = offset, numbers[at + 4 + 1] = row.bytes, numbers[at + 4 + 2] = row.pathHash, at += 7;
		}
		return this.#hash(at);
	}
	/**
	* Names a segment of files that were written by a restore, as `keyOf` by what tells which files they are, but without
	* their own inodes and times of change: so it holds only for those that `isOfRestore`.
	*
	* What file has a path is told by the inode of its folder: the folder cannot have been exchanged, and giving the
	* path to another file would have changed the ctime of that file.
	*/
	restoredKeyOf({ pieces }, folderOf) {
		this.#reserve(1 + pieces.length * 7);
		let integers = this.#integers, numbers = this.#numbers;
		numbers[0] = -1;
		let at = 1;
		for (let { row, offset } of pieces) {
			let folder = folderOf(row);
			if (folder === void 0) return;
			integers[at] = folder.dev, integers[at + 1] = folder.ino, numbers[at + 2] = row.seconds, numbers[at + 3] = row.nanos, numbers[at + 4] = offset, numbers[at + 4 + 1] = row.bytes, numbers[at + 4 + 2] = row.pathHash, at += 7;
		}
		return this.#hash(at);
	}
	/** True if all files of a segment were changed last while a restore was writing. */
	isOfRestore({ pieces }, { fromMs, toMs }) {
		return pieces.every(({ row: { stats, folder } }) => {
			let { seconds, nanos } = splitTime(stats.ctimeNs), changedMs = seconds * 1e3 + nanos / 1e6, tickMs = nanos === 0 ? COARSE_TICK_MS : 100;
			return changedMs >= fromMs - tickMs && changedMs < toMs - tickMs && stats.dev === folder?.dev;
		});
	}
	#hash(fields) {
		return hash("sha256", new Uint8Array(this.#numbers.buffer, 0, fields * 8), "hex");
	}
	#reserve(fields) {
		this.#numbers.length >= fields || (this.#numbers = new Float64Array(fields * 2), this.#integers = new BigInt64Array(this.#numbers.buffer));
	}
};
// src/archive/segment-notes.ts
const MAGIC = 1935896113, MAX_NOTES_BYTES = 16777216, NO_TIME = {
	fromMs: 0,
	toMs: 0
}, NO_NOTES = {
	segments: /* @__PURE__ */ new Map(),
	span: NO_TIME
};
/** Where a restore leaves its notes for packings with the notes at `path`. */
function restoredNotes(path) {
	return `${path}-restored`;
}
/** What was noted at `path`; nothing if it is missing, damaged, or may be somebody else's. */
function readNotes(path) {
	try {
		return decodeNotes(readOwnFile(path)) ?? NO_NOTES;
	} catch {
		return NO_NOTES;
	}
}
/** Writes notes, which appear at `path` as a whole or, since they only save time, not at all. */
function writeNotes(path, notes, span = NO_TIME) {
	let bytes = encodeNotes(notes, span);
	if (bytes.length > MAX_NOTES_BYTES) return;
	let temporary = `${path}.${randomUUID()}`;
	try {
		mkdirSync(dirname(path), {
			recursive: !0,
			mode: 448
		}), dropOldest(dirname(path));
		try {
			writeFileSync(temporary, bytes, {
				flag: "wx",
				mode: 384
			}), renameSync(temporary, path);
		} catch (error) {
			throw rmSync(temporary, { force: !0 }), error;
		}
	} catch {}
}
/** Says that the notes at `path` are as they should be, so that they are not the oldest. */
function keepNotes(path) {
	try {
		let now = /* @__PURE__ */ new Date();
		utimesSync(path, now, now);
	} catch {}
}
function readOwnFile(path) {
	let fd = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
	try {
		let { size, uid, mode } = fstatSync(fd);
		return (process.geteuid === void 0 || uid === process.geteuid() && !(mode & 18)) && size <= MAX_NOTES_BYTES ? readFileSync(fd) : Buffer.alloc(0);
	} finally {
		closeSync(fd);
	}
}
function encodeNotes(notes, { fromMs, toMs }) {
	let total = 56;
	for (let chunks of notes.values()) total += 36 + chunks.length * 36;
	let bytes = Buffer.allocUnsafe(total);
	bytes.writeUInt32LE(MAGIC, 0), bytes.writeUInt32LE(notes.size, 4), bytes.writeDoubleLE(fromMs, 8), bytes.writeDoubleLE(toMs, 16);
	let offset = 24;
	for (let [key, chunks] of notes) {
		bytes.write(key, offset, "hex"), bytes.writeUInt32LE(chunks.length, offset + 32), offset += 36;
		for (let chunk of chunks) bytes.write(chunk.digest, offset, "hex"), bytes.writeUInt32LE(chunk.bytes, offset + 32), offset += 36;
	}
	return bytes.write(digestOf(bytes.subarray(0, offset)), offset, "hex"), bytes;
}
/** Undefined for anything that `encodeNotes` did not write. */
function decodeNotes(bytes) {
	let end = bytes.length - 32;
	if (end < 24 || bytes.readUInt32LE(0) !== MAGIC || bytes.toString("hex", end) !== digestOf(bytes.subarray(0, end))) return;
	let notes = /* @__PURE__ */ new Map(), offset = 24;
	for (; offset + 36 <= end;) {
		let key = bytes.toString("hex", offset, offset + 32), count = bytes.readUInt32LE(offset + 32);
		if (offset += 36, offset + count * 36 > end) return;
		let chunks = [];
		for (let i = 0; i < count; i += 1) {
			let size = bytes.readUInt32LE(offset + 32);
			if (size === 0 || size > 1048576) return;
			chunks.push({
				digest: bytes.toString("hex", offset, offset + 32),
				bytes: size
			}), offset += 36;
		}
		notes.set(key, chunks);
	}
	if (offset === end && notes.size === bytes.readUInt32LE(4)) return {
		segments: notes,
		span: {
			fromMs: bytes.readDoubleLE(8),
			toMs: bytes.readDoubleLE(16)
		}
	};
}
/** Makes room for one more. */
function dropOldest(folder) {
	let names = readdirSync(folder);
	if (names.length < 32) return;
	let files = names.map((name) => {
		let path = join(folder, name);
		return {
			path,
			time: statSync(path, { throwIfNoEntry: !1 })?.mtimeMs ?? 0
		};
	});
	files.sort((a, b) => b.time - a.time);
	for (let { path } of files.slice(31)) rmSync(path, { force: !0 });
}
export { SegmentKeys as a, hashName as c, writeNotes as i, scanTree as l, readNotes as n, PATH_HASH_START as o, restoredNotes as r, changedError as s, keepNotes as t };
