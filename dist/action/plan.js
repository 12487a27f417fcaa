import { n as pause, t as abortable } from "./deadline.js";
import { a as openFrame } from "./chunk.js";
import { n as errnoOf, o as isSwarmCacheError, t as SwarmCacheError } from "./errors.js";
import { o as totalBytes } from "./manifest.js";
import { a as textOf, i as parentOf, n as fsPath } from "./byte-path.js";
import { a as MAX_PATH_BYTES, c as pathError, n as KIND, o as hasTime, s as isFolderKind } from "./catalog.js";
import { t as decodeCatalog } from "./catalog-decode.js";
import { a as firstContentFile, c as PROGRESS, d as CatalogPaths, f as FrameReader, i as utime, l as RowComparison, n as isExactTime, o as placeChunks, r as removeObstacle, s as ON_DISK, t as TreeWriter, u as hasMtime } from "./tree-writer.js";
import { t as PathSelection } from "./path-selection.js";
import { t as Limit } from "./limit.js";
import { i as unpackError, n as startThread, r as threadsOf } from "./worker-thread.js";
import { t as freeMemory } from "./free-memory.js";
import { chmodSync, existsSync, linkSync, lstatSync, lutimesSync, mkdirSync, rmdirSync, statSync, symlinkSync, unlinkSync, utimesSync } from "node:fs";
import { spawn } from "node:child_process";
import { setImmediate as setImmediate$1 } from "node:timers/promises";
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
/**
* Compares a catalog with the disk, after it has checked that each row is selected by the declared paths.
*
* Returns one of ON_DISK for each row, in memory that threads share.
*
* @throws ERR_PATH naming a row outside the declared paths, or a path that cannot be looked at.
*/
async function compareTree(columns, paths, selection, help, signal) {
	let turns = new Turns(signal);
	await assertDeclared(columns, paths, selection, turns);
	let state = {
		columns,
		roots: selection.patterns.map(({ root }) => root),
		followed: selection.patterns.map(({ isGlob }) => isGlob),
		onDisk: new Uint8Array(new SharedArrayBuffer(columns.count)).fill(ON_DISK.UNKNOWN),
		progress: new Int32Array(new SharedArrayBuffer(8))
	}, comparison = new RowComparison(state, paths);
	for (columns.count > 256 && help?.compare(state); comparison.compareBlock();) await turns.next();
	await othersDone(state, turns);
	for (let i = 0; i < columns.count; i += 1) comparison.compareRow(i);
	return state.onDisk;
}
/** Waits for the blocks that other threads have taken, unless one of them has stopped. */
async function othersDone({ columns, progress }, turns) {
	let blocks = Math.ceil(columns.count / 256), late = performance.now() + 500;
	for (;;) {
		let done = Atomics.load(progress, PROGRESS.BLOCKS_DONE);
		if (done >= blocks || performance.now() > late) return;
		Atomics.wait(progress, PROGRESS.BLOCKS_DONE, done, 10), await turns.next();
	}
}
/** Lets other work of this thread go on from time to time. */
var Turns = class {
	#signal;
	#endsAt = performance.now() + 10;
	constructor(signal) {
		this.#signal = signal;
	}
	async next() {
		performance.now() < this.#endsAt || (await setImmediate$1(), this.#signal?.throwIfAborted(), this.#endsAt = performance.now() + 10);
	}
};
/** @throws ERR_PATH naming a row that is not selected, or whose path is longer than can be. */
async function assertDeclared(columns, paths, selection, turns) {
	let { parents, kinds, nameEnds, count } = columns, pathBytes = new Uint16Array(count), whole = new Uint8Array(count), open = /* @__PURE__ */ new Map();
	for (let i = 0; i < count; i += 1) {
		i % 256 == 0 && await turns.next();
		let parent = parents[i], name = nameEnds[i] - (i === 0 ? 0 : nameEnds[i - 1]), above = parent < 0 ? selection.patterns[-1 - parent].root.length : pathBytes[parent] + 1;
		if (above + name >= 4096) throw tooLong(above + name);
		if (pathBytes[i] = above + name, parent >= 0 && whole[parent] === 1) {
			whole[i] = 1;
			continue;
		}
		let folder = open.get(parent), pattern = folder?.pattern ?? -1 - parent, kind = kinds[i], mayBeFolder = isFolderKind(kind) || kind === KIND.SYMLINK, at = folder === void 0 ? selection.standingOf(selection.patterns[pattern].root, mayBeFolder) : selection.step(folder.at, paths.nameOf(i), mayBeFolder), isSelected = !selection.patterns[pattern].negate && selection.covers(at, pattern) && selection.includes(at), isOnTheWay = kind === KIND.ANCESTOR && !selection.patterns[pattern].negate;
		if (!isSelected && !isOnTheWay) throw undeclared(paths, i);
		isSelected && at.settled ? whole[i] = 1 : isFolderKind(kind) && open.set(i, {
			at,
			pattern
		});
	}
}
function tooLong(bytes) {
	return new SwarmCacheError("ERR_PATH", `The cache holds a path of ${bytes} bytes, but at most ${MAX_PATH_BYTES - 1} are possible here. Restore it below a shorter folder.`);
}
function undeclared(paths, index) {
	let path = textOf(paths.pathOf(index));
	return new SwarmCacheError("ERR_PATH", `The cache entry names ${path}, which is not one of the declared paths. Nothing was restored.`, { facts: {
		path,
		undeclared: !0
	} });
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
// src/archive/exact-times.ts
const UTIMENSAT = {
	x64: 280,
	arm64: 88
}, BATCH_ROWS = 2048;
/**
* Sets modification times to the nanosecond, where the system can, while other work goes on.
*
* Node passes times as floating-point seconds, which are off by up to 240 ns. Linux takes nanoseconds, and
* perl, which comes with every Debian, Ubuntu and Fedora, can call it. Those who write files leave such times to it
* as long as `WriteState.exactTimes` says so. Where it fails the times are set as Node can: nothing is reported,
* since what differs is far below what any build tool compares.
*/
var ExactTimes = class {
	#state;
	#paths;
	#waiting = [];
	#folder = -1;
	#child;
	#ended = Promise.resolve();
	#isFull = !1;
	#isGone;
	#hasFailed = !1;
	constructor(state, paths) {
		this.#state = state, this.#paths = paths, this.#isGone = process.platform !== "linux" || UTIMENSAT[process.arch] === void 0;
		let isLeftOut = this.#isGone || hasClosedFolder(state.columns);
		Atomics.store(state.exactTimes, 0, +!isLeftOut);
	}
	/** Sees to the time of a row whose path is final and that is written. */
	add(index) {
		this.#isGone || isExactTime(this.#state.columns, index) || (this.#waiting.push(index), this.#waiting.length >= BATCH_ROWS && this.#pump());
	}
	/** Resolves when every time is set. */
	async finish() {
		let stop = new AbortController(), late = pause(3e4, stop.signal).then(() => this.#end(), () => {});
		for (; this.#waiting.length > 0 && !this.#isGone;) this.#pump(), this.#isFull && await Promise.race([this.#drained(), this.#ended]);
		this.#child?.stdin.end(), await this.#ended, stop.abort(), await late, this.#hasFailed && this.#setAsNodeCan();
	}
	/** Sets no more times; resolves when nothing touches the tree any more. */
	async abandon() {
		this.#isGone = !0, await this.#end();
	}
	async #end() {
		this.#child?.kill("SIGKILL"), await this.#ended;
	}
	#pump() {
		if (this.#isFull || this.#isGone) return;
		this.#child ??= this.#start();
		let { columns } = this.#state, records = "";
		for (let i of this.#waiting.splice(0, BATCH_ROWS)) {
			let parent = columns.parents[i];
			parent >= 0 && parent !== this.#folder && (this.#folder = parent, records += `${this.#paths.pathOf(parent)}\0`);
			let name = parent < 0 ? this.#paths.pathOf(i) : this.#paths.nameOf(i);
			records += `${columns.seconds[i]} ${columns.nanos[i]} ${name}\0`;
		}
		this.#isFull = !this.#child.stdin.write(Buffer.from(records, "latin1")), this.#isFull && this.#drained().then(() => {
			this.#isFull = !1, this.#waiting.length >= BATCH_ROWS && this.#pump();
		});
	}
	#drained() {
		return new Promise((resolve) => this.#child.stdin.once("drain", resolve));
	}
	#start() {
		let child = spawn("perl", [
			"-e",
			"\n$/ = \"\\0\"; binmode STDIN; my $call = $ARGV[0] + 0; my ($there, $failed) = (1, 0);\nwhile (<STDIN>) {\n  chomp;\n  if (ord == 47) { $there = chdir $_; $failed = 1 if !$there; next }\n  my ($s, $n, $name) = split / /, $_, 3;\n  next if !$there && ord $name != 47;\n  my $times = pack(\"q4\", $s, $n, $s, $n);\n  $failed = 1 if syscall($call, -100, $name, $times, 256) != 0;\n}\nexit $failed;",
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
			let onEnd = (code) => {
				this.#isGone = !0, this.#hasFailed ||= code !== 0, Atomics.store(this.#state.exactTimes, 0, 0), resolve();
			};
			child.once("error", onEnd), child.once("close", onEnd);
		}), child;
	}
	#setAsNodeCan() {
		let { columns, made } = this.#state;
		for (let i = 0; i < columns.count; i += 1) {
			if (made[i] === 0 || !hasTime(columns.kinds[i]) || isExactTime(columns, i)) continue;
			let path = this.#paths.fsPathOf(i), time = utime(columns, i);
			attempt(() => {
				hasMtime(columns, i, lstatSync(path)) || lutimesSync(path, time, time);
			});
		}
	}
};
function hasClosedFolder({ kinds, modes, count }) {
	for (let i = 0; i < count; i += 1) if (kinds[i] === KIND.FOLDER && !(modes[i] & 64)) return !0;
	return !1;
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
		this.#parts = parts, this.#times = new ExactTimes(parts.state, parts.paths), this.#folders = new FolderWriter(parts.state, parts.paths, parts.followsRoot), this.#written.promise.catch(() => {}), parts.placed.size === 0 && this.#written.resolve();
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
	#maxThreads = 0;
	#isHeld = !1;
	#writer;
	#threads = [];
	#batch = [];
	#batchBytes = 0;
	#flushTimer;
	#reader = new FrameReader();
	#own = /* @__PURE__ */ new Set();
	/** Sees to it that there are so many threads; what they are to do is said later. More start while they are behind. */
	start(threads, maxThreads) {
		for (this.#maxThreads = maxThreads; this.#threads.length < threads;) this.#addThread();
	}
	/** Has the threads that there are help with a comparison, as soon as they run. */
	compare(state) {
		for (let { worker } of this.#threads) worker.postMessage(state);
	}
	/** Says what is written, before anything is. */
	open(state) {
		this.#state = state, this.#writer = new TreeWriter(state);
		for (let { worker } of this.#threads) worker.postMessage(state);
	}
	/** Keeps the process alive until `close`. */
	hold() {
		this.#isHeld = !0;
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
		if (clearImmediate(this.#flushTimer), this.#flushTimer = void 0, this.#batch.length === 0) return;
		let least = this.#threads.reduce((a, b) => b.bytesWaiting < a.bytesWaiting ? b : a);
		least.bytesWaiting > 1048576 && this.#threads.length < this.#maxThreads && (least = this.#addThread()), least.send(this.#batch, this.#batchBytes), this.#batch = [], this.#batchBytes = 0;
	}
	#addThread() {
		let thread = new WriteThread();
		return this.#threads.push(thread), this.#state !== void 0 && thread.worker.postMessage(this.#state), this.#isHeld && thread.worker.ref(), thread;
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
	let selection = PathSelection.of(paths, options.workingDirectory), contentBytes = totalBytes(manifest.content), isCold = selection.patterns.every(({ root }) => !existsSync(fsPath(root))), crew = new WriteCrew(), threads = threadsOf(options);
	isCold && contentBytes > THREADS_FROM_BYTES && crew.start(Math.min(1, threads), threads);
	let hasHelp = !isCold && totalBytes(manifest.catalog) > 262144 && threads > 2;
	hasHelp && crew.start(threads - 2, threads);
	try {
		return await comparePlan(manifest, catalog, {
			selection,
			isCold,
			contentBytes,
			crew,
			hasHelp
		}, options);
	} catch (error) {
		throw await crew.close(), error;
	}
}
async function comparePlan(manifest, catalog, parts, options) {
	let { signal } = options, { selection, isCold, contentBytes, crew, hasHelp } = parts, encoded = await readCatalog(manifest.catalog, catalog, signal);
	isCold && options.onCold?.();
	let columns = decodeCatalog(encoded, {
		contentBytes,
		patterns: selection.patterns.length
	}), roots = selection.patterns.map((pattern) => pattern.root), catalogPaths = new CatalogPaths(columns, roots), onDisk = await compareTree(columns, catalogPaths, selection, hasHelp ? crew : void 0, signal);
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
		umask: process.umask(),
		exactTimes: new Int32Array(new SharedArrayBuffer(4))
	}, catalogPaths, placed, {
		...parts,
		content: manifest.content
	}, options);
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
	#tree;
	#startedMs = 0;
	#isWritten = !1;
	#isUsed = !1;
	constructor(state, paths, placed, { selection, contentBytes, crew, content }, options) {
		let { files, skipped } = countFiles(state.columns, state.onDisk);
		this.chunks = Array.from(placed.values(), ({ chunk }) => chunk), this.files = files, this.skipped = skipped, this.contentBytes = contentBytes, this.#signal = options.signal;
		let isLarge = files - skipped > 1500 || totalBytes(this.chunks) > THREADS_FROM_BYTES, threads = threadsOf(options);
		isLarge && crew.start(Math.min(1, threads), threads), crew.open(state), this.#crew = crew;
		let followsRoot = (pattern) => selection.patterns[pattern].isGlob, isWritten = (file) => state.onDisk[file] !== ON_DISK.SAME;
		this.#tree = {
			columns: state.columns,
			paths,
			content,
			isWritten,
			followsRoot
		}, this.#unpacking = new Unpacking({
			state,
			paths,
			crew: this.#crew,
			placed,
			followsRoot,
			onProgress: options.onProgress
		});
	}
	async write(frames, options = {}) {
		if (this.#isUsed) throw new SwarmCacheError("ERR_CLOSED", "This plan was carried out or closed. Make a new one.");
		this.#isUsed = !0, this.#crew.hold(), this.#startedMs = Date.now();
		let signals = [this.#signal, options.signal].filter((signal) => signal !== void 0);
		await this.#unpacking.run(frames, signals.length === 0 ? void 0 : AbortSignal.any(signals)), this.#isWritten = !0;
	}
	async note(notes) {
		if (!this.#isWritten) return;
		let span = {
			fromMs: this.#startedMs,
			toMs: Date.now()
		}, { noteRestored } = await import("./restored-notes.js");
		noteRestored(notes, {
			...this.#tree,
			span
		});
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
export { planTree };
