import { t as abortable } from "./deadline.js";
import { t as clearInbox } from "./inbox.js";
import { a as textOf } from "./byte-path.js";
import { t as SwarmCacheError } from "./errors.js";
import { n as KIND, o as hasTime, t as CATALOG_MAGIC } from "./catalog.js";
import { t as decodeCatalog } from "./catalog-decode.js";
import { a as makeNewFrame, i as FILE_STATE, n as SegmentPacker, r as WINDOW_BYTES, t as PIECE_ENDS } from "./segment-packer.js";
import { a as SegmentKeys, i as writeNotes, l as scanTree, n as readNotes, r as restoredNotes, s as changedError, t as keepNotes } from "./segment-notes.js";
import { t as NewChunks } from "./new-chunks.js";
import { t as endThread } from "./start-thread.js";
import { i as unpackError, n as startThread, r as threadsOf } from "./worker-thread.js";
import { t as PathSelection } from "./path-selection.js";
import { n as Segmenter } from "./segment.js";
import { join } from "node:path";
import { rmSync } from "node:fs";
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
// src/archive/known-segments.ts
/**
* What an earlier packing or restore of the same paths has noted, so that files which have not changed need not
* be read.
*/
var KnownSegments = class {
	#path;
	#newChunks;
	#keys;
	#notes;
	#restored;
	#noted = /* @__PURE__ */ new Map();
	#held;
	/** `path` is where the notes are; `startedMs` is when the scan began. */
	constructor(path, newChunks, startedMs) {
		this.#path = path, this.#newChunks = newChunks, this.#keys = new SegmentKeys(startedMs), this.#notes = readNotes(path).segments, this.#restored = readNotes(restoredNotes(path));
	}
	/** True once `takes` can tell. */
	get isReady() {
		return this.#held !== void 0;
	}
	/** Asks which of the noted chunks are still there. */
	async prepare() {
		let digests = /* @__PURE__ */ new Set();
		for (let notes of [this.#notes, this.#restored.segments]) for (let chunks of notes.values()) for (let { digest } of chunks) digests.add(digest);
		this.#held = await this.#newChunks.hold(digests);
	}
	/** The key of a segment, if it can have one, and its chunks, if its files are as they were noted. */
	look(segment) {
		let key = this.#keys.keyOf(segment);
		return key === void 0 ? {} : {
			key,
			chunks: this.#notes.get(key) ?? this.#findRestored(segment)
		};
	}
	/** Takes the noted chunks of a segment if all of them are still there, which it tells. */
	takes(key, chunks) {
		return chunks.every(({ digest }) => this.#held.has(digest)) ? (this.#newChunks.skip(chunks), this.#noted.set(key, chunks), !0) : !1;
	}
	/** Notes the chunks of a segment that was read as it had been found. */
	note(key, chunks) {
		this.#noted.set(key, chunks);
	}
	/** Leaves the notes for the next packing. */
	finish() {
		let noted = this.#noted;
		noted.size === this.#notes.size && noted.keys().every((k) => this.#notes.has(k)) ? keepNotes(this.#path) : writeNotes(this.#path, noted), this.#restored.segments.size > 0 && rmSync(restoredNotes(this.#path), { force: !0 });
	}
	#findRestored(segment) {
		let { segments, span } = this.#restored;
		if (segments.size === 0 || !this.#keys.isOfRestore(segment, span)) return;
		let key = this.#keys.restoredKeyOf(segment, ({ folder }) => folder);
		return key === void 0 ? void 0 : segments.get(key);
	}
}, PackCrew = class {
	#port;
	#workers = [];
	#idle = [];
	#waiting = [];
	#isClosed = !1;
	constructor(port, threads) {
		this.#port = port, this.grow(threads), threads === 0 && this.#idle.push(new SegmentPacker(port, makeNewFrame));
	}
	/** Starts more threads if there are fewer. */
	grow(threads) {
		for (; !this.#isClosed && this.#workers.length < threads;) this.#startThread();
	}
	/** Waits for a free slot, which `pack` then needs: so nobody queues more work than is bounded. */
	async reserve() {
		let slot = this.#idle.pop() ?? await new Promise((resolve) => this.#waiting.push(resolve));
		return async (job) => {
			try {
				return await slot.pack(job);
			} finally {
				this.#free(slot);
			}
		};
	}
	#free(slot) {
		let next = this.#waiting.shift();
		next === void 0 ? this.#idle.push(slot) : next(slot);
	}
	async [Symbol.asyncDispose]() {
		this.#isClosed = !0, await Promise.all(this.#workers.map((worker) => endThread(worker)));
	}
	#startThread() {
		let worker = startThread("pack-worker"), slots = Array.from({ length: 3 }, (_, i) => new ThreadSlot(worker, i, this.#port)), failAll = (error) => {
			for (let slot of slots) slot.fail(error);
		};
		worker.on("message", (message) => slots[message.slot].receive(message)), worker.on("error", failAll), worker.on("exit", () => failAll(/* @__PURE__ */ Error("A packing thread ended before its work was done."))), this.#workers.push(worker);
		for (let slot of slots) this.#free(slot);
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
	#numbers = [];
	#bytes = 0;
	/** Of all segments so far. */
	bytesAdded = 0;
	filesAdded = 0;
	get hasNext() {
		return this.#next < this.#ready.length;
	}
	/** `number` says where the segment stands among all of the content. */
	add(segment, number) {
		this.#bytes + segment.bytes > JOB_BYTES && this.end(), this.#segments.push(segment), this.#numbers.push(number), this.#bytes += segment.bytes, this.bytesAdded += segment.bytes, this.filesAdded += segment.pieces.length;
	}
	/** Completes the last job. */
	end() {
		if (this.#segments.length === 0) return;
		let pieces = this.#segments.flatMap((segment) => segment.pieces);
		this.#ready.push({
			...encodeJob(pieces),
			segments: this.#numbers
		}), this.#segments = [], this.#numbers = [], this.#bytes = 0;
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
/** Packs what the declared paths select; see `Archive.pack`. */
async function packTree(paths, sink, options) {
	return await new Packing(PathSelection.of(paths, options.workingDirectory), sink, options).run();
}
var Packing = class {
	#selection;
	#options;
	/** Aborts with the caller's signal, and with the first failure so that nothing goes on after it. */
	#stop = new AbortController();
	#catalog = new CatalogWriter();
	#jobs = new PackJobs();
	/** Of segments by their number: their keys if they have one, and their chunks. */
	#keys = [];
	#results = [];
	#known;
	#undecided = [];
	#crew;
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
		let stopping = (error) => this.#stop.abort(error), asFound = this.#scan().then(async () => await this.#packCatalog(this.#catalog.finish()));
		await Promise.all([asFound.catch(stopping), this.#packSegments().catch(stopping)]), this.#stop.signal.throwIfAborted();
		let chunks = this.#results.flat();
		this.#known?.finish();
		let { newBytes, newCount, storedBytes } = this.#newChunks, amended = this.#amendedCatalog(), catalog = await (amended === void 0 ? asFound : this.#packCatalog(amended.catalog)), contentBytes = 0;
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
	async #scan() {
		let segmenter = new Segmenter((segment) => this.#addSegment(segment)), { notes } = this.#options;
		notes !== void 0 && (this.#known = new KnownSegments(notes, this.#newChunks, Date.now()));
		let prepared = this.#known?.prepare().then(() => this.#decide());
		if (prepared?.catch((error) => this.#stop.abort(error)), await scanTree(this.#selection, {
			signal: this.#stop.signal,
			onRow: (row) => {
				row.index = this.#catalog.add(row, row.source?.index), this.#bytesScanned += row.bytes, segmenter.add(row);
			},
			unchangedSince: this.#options.unchangedSince,
			onWarning: (text) => this.#warnings.add(text)
		}), this.#catalog.count === 0) throw this.#selection.nothingFound();
		segmenter.end(), await abortable(Promise.resolve(prepared), this.#stop.signal), this.#jobs.end(), this.#scanned = !0, this.#wake();
	}
	#addSegment(segment) {
		let number = this.#keys.length, { key, chunks } = this.#known?.look(segment) ?? {};
		this.#keys.push(key), key === void 0 || chunks === void 0 ? this.#addJob(segment, number) : (this.#undecided.push({
			segment,
			number,
			key,
			chunks
		}), this.#known.isReady && this.#decide());
	}
	#addJob(segment, number) {
		this.#jobs.add(segment, number), this.#crew?.grow(this.#threadsWanted()), this.#wake();
	}
	/** Has those noted segments packed of which chunks are gone. */
	#decide() {
		let undecided = this.#undecided;
		this.#undecided = [];
		for (let { segment, number, key, chunks } of undecided) this.#known.takes(key, chunks) ? (this.#results[number] = chunks, this.#progressed(segment.pieces.filter(({ last }) => last).length)) : this.#addJob(segment, number);
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
		for (; !this.#scanned && this.#threadsWanted() === 0;) await this.#change();
		let threads = this.#threadsWanted();
		await using crew = new PackCrew(this.#newChunks, threads);
		threads > 0 && (this.#crew = crew), threads > 0 && (this.#newChunks.inbox = await this.#openInbox());
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
	/** So many for the work that is known: one that comes late packs less than its start costs. */
	#threadsWanted() {
		let { bytesAdded, filesAdded } = this.#jobs, starts = Math.max(bytesAdded / 16777216, filesAdded / 1500);
		return Math.min(threadsOf(this.#options), Math.floor(starts));
	}
	async #packJob(pack) {
		let { index, job, rows, files, segments } = this.#jobs.take(), { inbox } = this.#newChunks, { chunks, ends, deviations } = await pack({
			...job,
			inbox: inbox && {
				path: join(inbox.folder, inbox.prefix),
				firstFile: index * 4096
			}
		});
		for (let [i, number] of segments.entries()) {
			let ofSegment = chunks.slice(ends[i - 1] ?? 0, ends[i]);
			this.#results[number] = ofSegment;
			let key = this.#keys[number];
			key !== void 0 && deviations.length === 0 && this.#known?.note(key, ofSegment);
		}
		for (let { piece, bytes, state } of deviations) {
			let row = rows[piece], growth = bytes - job.numbers[piece * 5 + 1];
			growth !== 0 && this.#growth.set(row, (this.#growth.get(row) ?? 0) + growth), state !== FILE_STATE.AS_FOUND && this.#noteChange(row, job.paths.split("\0")[piece], state);
		}
		this.#progressed(files);
	}
	#progressed(files) {
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
export { packTree };
