import { n as errnoOf, r as errorMessage, t as SwarmCacheError } from "./errors.js";
import { n as fsPath, r as joinPath } from "./byte-path.js";
import { c as pathError, n as KIND } from "./catalog.js";
import { isAscii } from "node:buffer";
import { closeSync, constants, fchmodSync, fstatSync, futimesSync, lstatSync, openSync, readSync, readlinkSync, rmdirSync, statSync, unlinkSync, writeSync } from "node:fs";
// src/archive/frame-reader.ts
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
/** Reads frames from their files, one at a time, into memory that it uses again and again. */
var FrameReader = class {
	#buffer = Buffer.alloc(0);
	/**
	* The bytes of a frame as they are in its file, good until the next call.
	*
	* @throws ERR_STORE if they cannot be had: the file is gone, not a file, too short, or not for this user.
	*/
	read(place) {
		let { path, position, bytes } = place;
		this.#buffer.length < bytes && (this.#buffer = Buffer.allocUnsafeSlow(Math.max(bytes, 262144)));
		try {
			let file = openSync(path, OPEN_FLAGS);
			try {
				if (!fstatSync(file).isFile()) throw Error("it is not a file");
				for (let filled = 0; filled < bytes;) {
					let count = readSync(file, this.#buffer, filled, bytes - filled, position + filled);
					if (count === 0) throw Error("it is too short");
					filled += count;
				}
			} finally {
				closeSync(file);
			}
		} catch (cause) {
			throw new SwarmCacheError("ERR_STORE", `The frame in ${path} cannot be read: ${errorMessage(cause)}.`, {
				cause,
				facts: { path }
			});
		}
		return this.#buffer.subarray(0, bytes);
	}
}, CatalogPaths = class {
	#columns;
	#roots;
	#names;
	#folders = /* @__PURE__ */ new Map();
	#isAscii;
	/** `roots` are those of all declared patterns. */
	constructor(columns, roots) {
		this.#columns = columns, this.#roots = roots, this.#names = Buffer.from(columns.names).toString("latin1"), this.#isAscii = isAscii(columns.names) && roots.every((root) => isAscii(Buffer.from(root, "latin1")));
	}
	nameOf(index) {
		let { nameEnds } = this.#columns;
		return this.#names.slice(index === 0 ? 0 : nameEnds[index - 1], nameEnds[index]);
	}
	pathOf(index) {
		let parent = this.#columns.parents[index];
		return parent < 0 ? this.#roots[-1 - parent] : joinPath(this.#folderOf(parent), this.nameOf(index));
	}
	/** The path in the form in which `node:fs` takes it. */
	fsPathOf(index) {
		let path = this.pathOf(index);
		return this.#isAscii ? path : fsPath(path);
	}
	targetOf(index) {
		let { targets, targetEnds } = this.#columns, start = index === 0 ? 0 : targetEnds[index - 1];
		return Buffer.from(targets.subarray(start, targetEnds[index])).toString("latin1");
	}
	#folderOf(index) {
		let path = this.#folders.get(index);
		return path === void 0 && (path = this.pathOf(index), this.#folders.size >= 4096 && this.#folders.clear(), this.#folders.set(index, path)), path;
	}
};
// src/archive/row-comparison.ts
/** How the disk stands to a row of the catalog. */
const ON_DISK = {
	MISSING: 0,
	/** As the catalog says. */
	SAME: 1,
	/** Of the same kind, with other properties. */
	DIFFERENT: 2,
	/** Something of another kind is in the way. */
	OBSTRUCTED: 3,
	/** Nobody has looked yet. */
	UNKNOWN: 4
}, PROGRESS = {
	ROWS_TAKEN: 0,
	BLOCKS_DONE: 1
}, STAT_OPTIONS = { throwIfNoEntry: !1 };
/** True if a row has the modification time that `lstat` told, as nearly as that can be told. */
function hasMtime({ seconds, nanos }, index, { mtimeMs }) {
	let expected = seconds[index] * 1e3 + nanos[index] / 1e6;
	return Math.abs(mtimeMs - expected) <= 5e-4;
}
/** Looks at the disk for rows of a catalog, on any number of threads at once. */
var RowComparison = class {
	#state;
	#paths;
	constructor(state, paths) {
		this.#state = state, this.#paths = paths ?? new CatalogPaths(state.columns, state.roots);
	}
	/**
	* Compares rows that nobody else has taken; false if there are none left.
	*
	* Rows that need another row or cannot be looked at stay UNKNOWN.
	*/
	compareBlock() {
		let { columns, onDisk, progress } = this.#state, start = Atomics.add(progress, PROGRESS.ROWS_TAKEN, 256);
		if (start >= columns.count) return !1;
		let end = Math.min(start + 256, columns.count);
		for (let i = start; i < end; i += 1) if (onDisk[i] === ON_DISK.UNKNOWN && columns.kinds[i] !== KIND.HARD_LINK) try {
			this.compareRow(i);
		} catch {}
		return Atomics.add(progress, PROGRESS.BLOCKS_DONE, 1), Atomics.notify(progress, PROGRESS.BLOCKS_DONE), !0;
	}
	/** Returns one of ON_DISK. @throws ERR_PATH if the row cannot be looked at. */
	compareRow(index) {
		let { onDisk } = this.#state, known = onDisk[index];
		if (known !== ON_DISK.UNKNOWN) return known;
		let found = this.#look(index);
		return onDisk[index] = found, found;
	}
	#look(index) {
		let { columns, followed } = this.#state, parent = columns.parents[index];
		if (parent >= 0) {
			let above = this.compareRow(parent);
			if (above === ON_DISK.MISSING || above === ON_DISK.OBSTRUCTED) return ON_DISK.MISSING;
		}
		let kind = columns.kinds[index], follow = parent < 0 && kind <= KIND.FOLDER && followed[-1 - parent], stats = this.#statsOf(index, follow);
		if (stats === void 0) return ON_DISK.MISSING;
		switch (kind) {
			case KIND.ANCESTOR: return stats.isDirectory() ? ON_DISK.SAME : ON_DISK.OBSTRUCTED;
			case KIND.FOLDER: return stats.isDirectory() ? this.#hasProperties(index, stats) ? ON_DISK.SAME : ON_DISK.DIFFERENT : ON_DISK.OBSTRUCTED;
			case KIND.FILE: return stats.isFile() ? stats.size === columns.sizes[index] && this.#hasProperties(index, stats) ? ON_DISK.SAME : ON_DISK.DIFFERENT : ON_DISK.OBSTRUCTED;
			case KIND.SYMLINK: return stats.isSymbolicLink() ? hasMtime(columns, index, stats) && linkTarget(this.#paths.fsPathOf(index)) === this.#paths.targetOf(index) ? ON_DISK.SAME : ON_DISK.DIFFERENT : ON_DISK.OBSTRUCTED;
			default: return this.#lookAtHardLink(index, stats);
		}
	}
	#statsOf(index, follow) {
		let path = this.#paths.fsPathOf(index);
		try {
			return follow ? statSync(path, STAT_OPTIONS) : lstatSync(path, STAT_OPTIONS);
		} catch (error) {
			if (errnoOf(error) === "ENOTDIR") return;
			throw pathError("look at", this.#paths.pathOf(index), error);
		}
	}
	#lookAtHardLink(index, stats) {
		if (!stats.isFile()) return ON_DISK.OBSTRUCTED;
		let source = this.#state.columns.linkSources[index];
		if (this.compareRow(source) !== ON_DISK.SAME) return ON_DISK.DIFFERENT;
		let file = this.#statsOf(source, !1);
		return file?.ino === stats.ino && file.dev === stats.dev ? ON_DISK.SAME : ON_DISK.DIFFERENT;
	}
	#hasProperties(index, stats) {
		let { columns } = this.#state;
		return (stats.mode & 4095) === columns.modes[index] && hasMtime(columns, index, stats);
	}
};
function linkTarget(path) {
	try {
		return readlinkSync(path, { encoding: "latin1" });
	} catch {
		return;
	}
}
// src/archive/content-map.ts
/** First of `columns.contentFiles` (as position in it) whose content ends after `offset`. */
function firstContentFile(columns, offset) {
	let { contentFiles, starts, sizes } = columns, low = 0, high = contentFiles.length;
	for (; low < high;) {
		let middle = low + high >>> 1, file = contentFiles[middle];
		starts[file] + sizes[file] > offset ? high = middle : low = middle + 1;
	}
	return low;
}
/**
* The chunks that hold content of the files that `isNeeded`, in the order of the content, none twice;
* counts in `pieces` how many chunks each file is spread over.
*
* @throws ERR_INTEGRITY if the manifest gives one digest two sizes.
*/
function placeChunks(content, columns, isNeeded, pieces) {
	let { contentFiles, starts, sizes } = columns, placed = /* @__PURE__ */ new Map(), offset = 0, next = 0;
	for (let chunk of content) {
		let end = offset + chunk.bytes, needed = !1;
		for (; next < contentFiles.length; next += 1) {
			let file = contentFiles[next];
			if (starts[file] >= end || (needed ||= isNeeded(file), pieces[file] += 1, starts[file] + sizes[file] > end)) break;
		}
		if (needed) {
			let known = placed.get(chunk.digest);
			if (known === void 0) placed.set(chunk.digest, {
				chunk,
				places: [offset]
			});
			else if (known.chunk.bytes === chunk.bytes) known.places.push(offset);
			else throw new SwarmCacheError("ERR_INTEGRITY", `The manifest gives the chunk ${chunk.digest} both ${known.chunk.bytes} and ${chunk.bytes} bytes.`, { facts: {
				digest: chunk.digest,
				malformed: !0
			} });
		}
		offset = end;
	}
	return placed;
}
// src/archive/tree-writer.ts
const PART = {
	UNTOUCHED: 0,
	BEING_MADE: 1,
	MADE: 2,
	FAILED: 3
}, CREATE_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0), REOPEN_FLAGS = constants.O_WRONLY | (constants.O_NOFOLLOW ?? 0);
/** A time as `utimes` takes it: numbers below zero would become the present. */
function utime(columns, index) {
	let time = columns.seconds[index] + columns.nanos[index] / 1e9;
	return time < 0 ? /* @__PURE__ */ new Date(time * 1e3) : time;
}
/** True if the time survives being a floating-point number of seconds, as Node takes it apart again. */
function isExactTime({ seconds, nanos }, index) {
	let whole = seconds[index], time = whole + nanos[index] / 1e9;
	return time >= 0 && Math.trunc((time - whole) * 1e9) === nanos[index];
}
/** Removes what is in the way of a file or link: anything but a folder with something in it. */
function removeObstacle(path) {
	try {
		unlinkSync(path);
	} catch (error) {
		let errno = errnoOf(error);
		if (errno === "ENOENT") return;
		if (errno !== "EISDIR" && errno !== "EPERM") throw error;
		rmdirSync(path);
	}
}
/**
* Writes the content of files, on any number of threads at once; their folders must be there.
*
* A file has its final size, mode and time together only when it is complete: until then its time is
* that of the writing, and a file that needs several chunks has another mode.
*/
var TreeWriter = class {
	#state;
	#paths;
	filesWritten = 0;
	constructor(state) {
		this.#state = state, this.#paths = new CatalogPaths(state.columns, state.roots);
	}
	/**
	* Writes what belongs at `offset` of the content.
	*
	* @throws ERR_PATH naming what the file system refused.
	*/
	writeContent(plain, offset) {
		let { columns, onDisk, stop } = this.#state, { contentFiles, starts, sizes } = columns, end = offset + plain.length;
		for (let i = firstContentFile(columns, offset); i < contentFiles.length; i += 1) {
			let file = contentFiles[i], start = starts[file];
			if (start >= end || Atomics.load(stop, 0) !== 0) return;
			if (onDisk[file] === ON_DISK.SAME) continue;
			let fileEnd = start + sizes[file];
			if (start >= offset && fileEnd <= end) this.writeFile(file, plain.subarray(start - offset, fileEnd - offset));
			else {
				let from = Math.max(start, offset), piece = plain.subarray(from - offset, Math.min(fileEnd, end) - offset);
				this.#writePiece(file, piece, from - start);
			}
		}
	}
	/** Writes a whole file. */
	writeFile(file, content) {
		let { columns, umask } = this.#state, path = this.#paths.fsPathOf(file), mode = columns.modes[file];
		try {
			let fd = this.#create(file, path, mode);
			try {
				content.length > 0 && writeAll(fd, content, 0), (mode & umask) !== 0 && fchmodSync(fd, mode), this.#setTime(fd, file);
			} finally {
				closeSync(fd);
			}
		} catch (error) {
			throw pathError("write", this.#paths.pathOf(file), error);
		}
		this.filesWritten += 1;
	}
	#writePiece(file, piece, position) {
		let { columns, piecesLeft } = this.#state, path = this.#paths.fsPathOf(file);
		try {
			let fd = this.#openPart(file, path);
			try {
				if (writeAll(fd, piece, position), Atomics.sub(piecesLeft, file, 1) > 1) return;
				fchmodSync(fd, columns.modes[file]), this.#setTime(fd, file);
			} finally {
				closeSync(fd);
			}
		} catch (error) {
			throw pathError("write", this.#paths.pathOf(file), error);
		}
		this.filesWritten += 1;
	}
	/** A file keeps the time of its writing, and so is not taken for complete, until it has the exact one. */
	#setTime(fd, file) {
		let { columns, exactTimes } = this.#state;
		if (columns.parents[file] >= 0 && Atomics.load(exactTimes, 0) === 1 && !isExactTime(columns, file)) return;
		let time = utime(columns, file);
		futimesSync(fd, time, time);
	}
	/** Opens a file of several chunks; the first thread that needs it makes it. */
	#openPart(file, path) {
		let { parts, columns } = this.#state;
		if (Atomics.compareExchange(parts, file, PART.UNTOUCHED, PART.BEING_MADE) === PART.UNTOUCHED) {
			let outcome = PART.FAILED;
			try {
				let fd = this.#create(file, path, columns.modes[file] === 384 ? 128 : 384);
				return outcome = PART.MADE, fd;
			} finally {
				Atomics.store(parts, file, outcome), Atomics.notify(parts, file);
			}
		}
		for (; Atomics.load(parts, file) === PART.BEING_MADE;) Atomics.wait(parts, file, PART.BEING_MADE);
		if (Atomics.load(parts, file) === PART.FAILED) throw Error("another thread could not make it");
		return openSync(path, REOPEN_FLAGS);
	}
	#create(file, path, mode) {
		let { made, onDisk } = this.#state;
		onDisk[file] !== ON_DISK.MISSING && removeObstacle(path), made[file] = 1;
		try {
			return openSync(path, CREATE_FLAGS, mode);
		} catch (error) {
			if (errnoOf(error) !== "EEXIST") throw error;
			return removeObstacle(path), openSync(path, CREATE_FLAGS, mode);
		}
	}
};
function writeAll(fd, bytes, position) {
	let written = 0;
	for (; written < bytes.length;) written += writeSync(fd, bytes, written, bytes.length - written, position + written);
}
export { firstContentFile as a, PROGRESS as c, CatalogPaths as d, FrameReader as f, utime as i, RowComparison as l, isExactTime as n, placeChunks as o, removeObstacle as r, ON_DISK as s, TreeWriter as t, hasMtime as u };
