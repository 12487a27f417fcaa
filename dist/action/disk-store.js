import { n as errnoOf, r as errorMessage, t as SwarmCacheError } from "./errors.js";
import { n as decodeFrameFile, r as encodeFrameFile, t as MAX_FRAME_FILE_BYTES } from "./frame-file.js";
import { n as silentLogger } from "./logger.js";
import { i as decodeManifest, n as MAX_FRAME_BYTES, r as MAX_MANIFEST_BYTES } from "./manifest.js";
import { c as scopeClass } from "./scope-rules.js";
import { n as isDigest, t as digestOf } from "./digest.js";
import { i as matchEntry, r as foldKey } from "./entry-match.js";
import { a as storeFault, i as incompleteEntry, n as assertOwn, o as storeFull, r as yieldsTo, t as assertFrame } from "./store-input.js";
import { r as parseSignedEntry } from "./entry.js";
import { t as I } from "./index.min.js";
import { t as publish } from "./events.js";
import { n as pause, t as abortable } from "./deadline.js";
import { t as SingleFlight } from "./single-flight.js";
import { r as isInboxName } from "./inbox.js";
import { t as formatSize } from "./sizes.js";
import { a as openFrame } from "./chunk.js";
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { dirname, join, normalize, sep } from "node:path";
import { closeSync, fstatSync, futimesSync, linkSync, lstatSync, mkdirSync, openSync, opendirSync, readSync, readdirSync, readlinkSync, renameSync, rmSync, statSync, unlinkSync, utimesSync, writeSync, writevSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { DatabaseSync } from "node:sqlite";
// src/store/disk-layout.ts
const MACHINE = digestOf(`${hostname()} ${processNamespace()}`).slice(0, 8), TAG_PATTERN = /^[0-9a-f]{32}$/;
/** Where one repository's things are in a home. */
var DiskLayout = class DiskLayout {
	versionFolder;
	tag;
	chunks;
	manifests;
	entries;
	temporary;
	damaged;
	#prefix = `${MACHINE}-${process.pid}-${randomUUID()}`;
	#temporaryCount = 0;
	constructor(versionFolder, tag) {
		let folder = join(versionFolder, tag);
		this.versionFolder = versionFolder, this.tag = tag, this.chunks = join(folder, "chunks"), this.manifests = join(folder, "manifests"), this.entries = join(folder, "entries"), this.temporary = join(folder, "tmp"), this.damaged = join(folder, "damaged");
	}
	/** Creates the folders and sweeps what dead processes left behind. @throws ERR_STORE naming the path. */
	prepare() {
		for (let folder of [
			this.chunks,
			this.manifests,
			this.entries,
			this.temporary,
			this.damaged
		]) makeFolder(folder);
		this.sweepTemporary(), removeOlderThan(this.damaged, 6048e5);
	}
	/** Removes what dead processes were writing. */
	sweepTemporary() {
		removeOlderThan(this.temporary, 6e5, isOfTheDead);
	}
	/** A path for a file being written, on the same file system as its destination. */
	temporaryPath() {
		return this.#temporaryCount += 1, join(this.temporary, `${this.#prefix}-${this.#temporaryCount}`);
	}
	entryPath(nameDigest) {
		return join(this.entries, `${nameDigest}.json`);
	}
	/** The same layout for another repository of this home. */
	sibling(tag) {
		return tag === this.tag ? this : new DiskLayout(this.versionFolder, tag);
	}
	/** Every repository that has a folder in this home. */
	tags() {
		return namesOrEmpty(this.versionFolder).filter((name) => TAG_PATTERN.test(name));
	}
};
/** The layout of `repository` in `home`. */
function diskLayout(home, repository) {
	return new DiskLayout(join(home, "v1"), repositoryTag(repository));
}
/** The folder name of a repository; it does not tell the repository's name. */
function repositoryTag(repository) {
	return digestOf(`repository ${repository}`).slice(0, 32);
}
/** Names an entry on disk; keys that differ only in case have the same name, as in GitHub's service. */
function entryNameDigest(name) {
	return digestOf(JSON.stringify([
		name.repository,
		name.scope,
		name.version,
		foldKey(name.key)
	]));
}
/** Creates a private folder with its parents. @throws ERR_STORE naming the path. */
function makeFolder(path) {
	try {
		mkdirSync(path, {
			recursive: !0,
			mode: 448
		});
	} catch (cause) {
		throw storeFault("Creating a folder", path, cause);
	}
}
/** Names in a folder; none if it does not exist. */
function namesOrEmpty(folder) {
	try {
		return readdirSync(folder);
	} catch (error) {
		if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return [];
		throw storeFault("Listing a folder", folder, error);
	}
}
/** Removes a file; one that is gone already is no fault. */
function removeFile(path) {
	try {
		unlinkSync(path);
	} catch (error) {
		if (errnoOf(error) !== "ENOENT") throw storeFault("Removing a file", path, error);
	}
}
function processNamespace() {
	try {
		return readlinkSync("/proc/self/ns/pid");
	} catch {
		return "";
	}
}
/** True for a temporary file whose process has ended; one of a process that cannot be looked for may live. */
function isOfTheDead(name) {
	let [mark, pid] = name.split("-");
	if (mark !== MACHINE || !/^[1-9][0-9]*$/.test(pid ?? "")) return !1;
	try {
		return process.kill(Number(pid), 0), !1;
	} catch (error) {
		return errnoOf(error) === "ESRCH";
	}
}
function removeOlderThan(folder, ageMs, isLeft = () => !1) {
	let oldest = Date.now() - ageMs;
	using listing = opendirSync(folder);
	for (let item = listing.readSync(); item !== null; item = listing.readSync()) {
		let path = join(folder, item.name), stats = statSync(path, { throwIfNoEntry: !1 });
		stats?.isFile() === !0 && (stats.mtimeMs < oldest || isLeft(item.name)) && removeFile(path);
	}
}
/**
* Immutable files named by digest, spread over 256 folders by its first two digits.
*
* Calls are synchronous: for files of this size a round trip to the thread pool costs several times the
* work itself. The file's presence is the only truth; its mtime says when somebody last relied on it.
*/
var DigestFolder = class {
	#folder;
	#layout;
	#now;
	/** A file relied on longer ago than this is marked as in use again. */
	#touchAfterMs;
	constructor(folder, layout, now, touchAfterMs) {
		this.#folder = normalize(folder), this.#layout = layout, this.#now = now, this.#touchAfterMs = touchAfterMs;
	}
	path(digest) {
		return `${this.#folder}${sep}${digest.slice(0, 2)}${sep}${digest}`;
	}
	/** True if the file is there, and then a clean-up spares it for its grace period. */
	hold(digest) {
		return this.holdSize(digest) !== void 0;
	}
	/** The size of a file that is held, or undefined if there is none. */
	holdSize(digest) {
		if (!isDigest(digest)) return;
		let path = this.path(digest);
		try {
			let stats = statSync(path, { throwIfNoEntry: !1 });
			if (stats === void 0) return;
			let now = this.#now();
			return now - stats.mtimeMs >= this.#touchAfterMs && utimesSync(path, now / 1e3, now / 1e3), stats.size;
		} catch (error) {
			if (isGone(error)) return;
			throw storeFault("Looking for a file", path, error);
		}
	}
	/** Puts a file in place whole, or not at all. @throws ERR_STORE. */
	write(digest, parts) {
		this.adopt(digest, this.writeAside(digest, parts));
	}
	/** Writes a file that its digest does not lead to yet, for `adopt` or `removeQuietly`; its path. @throws ERR_STORE. */
	writeAside(digest, parts) {
		let temporary = this.#layout.temporaryPath();
		try {
			return writeWhole(temporary, parts, this.#now()), temporary;
		} catch (cause) {
			throw removeQuietly(temporary), storeFault("Writing", this.path(digest), cause);
		}
	}
	/** Moves a file that was written aside to its place. @throws ERR_STORE, and then it is gone. */
	adopt(digest, aside) {
		let path = this.path(digest);
		try {
			moveInto(aside, path);
		} catch (cause) {
			throw removeQuietly(aside), storeFault("Writing", path, cause);
		}
	}
	/** Puts a whole file that lies on the same file system in place. @throws ERR_STORE if it has another size. */
	take(digest, from, bytes) {
		let path = this.path(digest);
		try {
			let stats = lstatSync(from);
			if (!stats.isFile() || stats.size !== bytes) throw new SwarmCacheError("ERR_STORE", `The file ${from} was to be taken into the store with ${bytes} bytes, but it has ${stats.size}.`, { facts: { path: from } });
			let now = this.#now();
			Math.abs(now - stats.mtimeMs) > 2e3 && utimesSync(from, now / 1e3, now / 1e3), moveInto(from, path);
		} catch (cause) {
			throw removeQuietly(from), storeFault("Taking over", from, cause);
		}
	}
	/** A file's bytes, only its size if that is over `maxBytes`, or undefined if there is none. */
	read(digest, maxBytes) {
		return isDigest(digest) ? readWhole(this.path(digest), maxBytes) : void 0;
	}
	/**
	* Removes a file unless `isWanted` holds for it once nobody can reach it any more.
	*
	* Moving it away first closes the gap between a look and the removal: who asks meanwhile sees a miss,
	* and what was touched or replaced just before goes back to its place.
	*/
	remove(digest, isWanted) {
		let path = this.path(digest), moved = this.#layout.temporaryPath();
		try {
			renameSync(path, moved);
		} catch (error) {
			if (isGone(error)) return !1;
			throw storeFault("Removing", path, error);
		}
		let wanted = isWanted(moved);
		return wanted && linkQuietly(moved, path), removeFile(moved), !wanted;
	}
	/** Every file, one folder after the other, so that the caller can pause in between. */
	*list() {
		for (let prefix of namesOrEmpty(this.#folder)) {
			let files = [];
			for (let digest of namesOrEmpty(join(this.#folder, prefix))) {
				if (!isDigest(digest) || !digest.startsWith(prefix)) continue;
				let stats = statSync(this.path(digest), { throwIfNoEntry: !1 });
				stats !== void 0 && files.push({
					digest,
					bytes: stats.size,
					mtimeMs: stats.mtimeMs
				});
			}
			yield files;
		}
	}
};
function moveInto(from, path) {
	try {
		renameSync(from, path);
	} catch (error) {
		if (errnoOf(error) !== "ENOENT") throw error;
		mkdirSync(dirname(path), {
			recursive: !0,
			mode: 448
		}), renameSync(from, path);
	}
}
/** Writes a new private file; its age counts from `mtimeMs`, whatever clock the file system has. */
function writeWhole(path, parts, mtimeMs) {
	let file = openSync(path, "wx", 384);
	try {
		let written = writevSync(file, parts);
		for (let part of parts) {
			let skip = Math.min(written, part.length);
			written -= skip;
			for (let at = skip; at < part.length;) at += writeSync(file, part, at);
		}
		futimesSync(file, mtimeMs / 1e3, mtimeMs / 1e3);
	} finally {
		closeSync(file);
	}
}
/** A file's bytes, only its size if that is over `maxBytes`, or undefined if there is none. */
function readWhole(path, maxBytes) {
	let file;
	try {
		if (statSync(path, { throwIfNoEntry: !1 }) === void 0) return;
		file = openSync(path, "r");
	} catch (error) {
		if (isGone(error)) return;
		throw storeFault("Reading", path, error);
	}
	try {
		let { size } = fstatSync(file);
		if (size > maxBytes) return { size };
		let bytes = Buffer.allocUnsafeSlow(size), filled = 0;
		for (; filled < size;) {
			let count = readSync(file, bytes, filled, size - filled, filled);
			if (count === 0) break;
			filled += count;
		}
		return { bytes: bytes.subarray(0, filled) };
	} catch (cause) {
		throw storeFault("Reading", path, cause);
	} finally {
		closeSync(file);
	}
}
function isGone(error) {
	return errnoOf(error) === "ENOENT";
}
function linkQuietly(from, to) {
	try {
		linkSync(from, to);
	} catch (error) {
		if (errnoOf(error) !== "EEXIST") throw storeFault("Putting back", to, error);
	}
}
/** Removes a file that nobody will look for. */
function removeQuietly(path) {
	try {
		removeFile(path);
	} catch {}
}
// src/store/entry-files.ts
const SUFFIX = ".json";
/** One small file for each entry of a repository: they, not the index, say which entries exist. */
var EntryFiles = class EntryFiles {
	#layout;
	#isTrusted;
	#logger;
	#onDamage;
	constructor(layout, isTrusted, logger, onDamage = () => {}) {
		this.#layout = layout, this.#isTrusted = isTrusted, this.#logger = logger, this.#onDamage = onDamage;
	}
	/** The same files, telling `onDamage` what was set aside. */
	reportingTo(onDamage) {
		return new EntryFiles(this.#layout, this.#isTrusted, this.#logger, onDamage);
	}
	/** Creates the file of an entry; false if there is one, whichever process wrote it. @throws ERR_STORE. */
	create(name, entry) {
		let temporary = this.#layout.temporaryPath(), path = this.#layout.entryPath(name);
		try {
			return writeWhole(temporary, [Buffer.from(JSON.stringify(entry))], Date.now()), linkSync(temporary, path), !0;
		} catch (cause) {
			if (errnoOf(cause) === "EEXIST") return !1;
			throw storeFault("Writing an entry", path, cause);
		} finally {
			removeFile(temporary);
		}
	}
	/** The entry in a file, or undefined; one that is damaged or not trusted is set aside. */
	read(name) {
		let file = readWhole(this.#layout.entryPath(name), 131072);
		if (file === void 0) return;
		if (!("bytes" in file)) return this.#setAside(name, `it has ${file.size} bytes`);
		let value;
		try {
			value = JSON.parse(Buffer.from(file.bytes).toString("utf8"));
		} catch (error) {
			return this.#setAside(name, `it is not JSON (${errorMessage(error)})`);
		}
		let entry = parseSignedEntry(value);
		return entry === void 0 ? this.#setAside(name, "it is not an entry") : repositoryTag(entry.repository) !== this.#layout.tag || entryNameDigest(entry) !== name ? this.#setAside(name, `it holds "${entry.key}", which belongs under another name`) : this.#isTrusted(entry) ? entry : this.#setAside(name, `the signature of "${entry.key}" does not verify`);
	}
	remove(name) {
		removeFile(this.#layout.entryPath(name));
	}
	/** The names of all entries that have a file. */
	names() {
		return namesOrEmpty(this.#layout.entries).filter((file) => file.endsWith(SUFFIX)).map((file) => file.slice(0, -5)).filter(isDigest);
	}
	#setAside(name, why) {
		let path = this.#layout.entryPath(name), aside = join(this.#layout.damaged, `${name}${SUFFIX}`);
		try {
			renameSync(path, aside);
		} catch (cause) {
			if (errnoOf(cause) !== "ENOENT") throw storeFault("Setting an entry aside", path, cause);
			return;
		}
		let problem = `The entry file ${path} is damaged: ${why}. It was moved to ${aside}.`;
		this.#logger.log("warning", problem), this.#onDamage(problem);
	}
};
// src/store/heat.ts
const HALF_LIFE_MS = 864e5;
/** Heat after one more use, `idleMs` after the last one: earlier uses count less the longer ago they were. */
function warmed(heat, idleMs) {
	return heat * 2 ** (-Math.max(0, idleMs) / HALF_LIFE_MS) + 1;
}
/**
* How much an entry is worth keeping; compare only. The coldest goes first.
*
* Logarithmic, so that long idle times do not vanish in rounding. Of entries used alike the larger goes
* first, but weakly: it frees more, and it costs more to fetch again.
*/
function worth(heat, idleMs, bytes) {
	return Math.log2(1 + heat) - idleMs / HALF_LIFE_MS - Math.log2(1 + Math.log2(1 + bytes / 1048576)) / 4;
}
// src/store/index-database.ts
const BUSY_TIMEOUT_MS = 5e3;
/**
* The SQLite file that is derived from the entry files of a home.
*
* When it turns out to be damaged its folder is moved aside with a warning and a new one is filled by
* `onOpen`, which runs after every opening. Another process may do so at any time: a call that finds
* another file under the path opens that one.
*/
var IndexDatabase = class {
	#versionFolder;
	#folder;
	#path;
	#logger;
	#onOpen;
	#open;
	/** Set while `work` runs: damage that an inner call meets is for the outermost one to repair. */
	#within;
	#problems = [];
	#isClosed = !1;
	constructor(versionFolder, logger, onOpen) {
		this.#versionFolder = versionFolder, this.#folder = join(versionFolder, "index"), this.#path = join(this.#folder, "index.db"), this.#logger = logger, this.#onOpen = onOpen;
	}
	/** Opens the file now rather than with the first statement. @throws ERR_STORE. */
	open() {
		this.run(() => {});
	}
	/**
	* Runs statements; `work` runs again on a rebuilt index if this one is damaged. Within a transaction
	* it is a part of that.
	*
	* @throws ERR_STORE.
	*/
	run(work) {
		if (this.#within !== void 0) return work(this.#within);
		try {
			return this.#runOnce(work);
		} catch (error) {
			if (!isDamage(error)) throw storeFault("Using the index", this.#path, error);
			this.#setAside(error);
		}
		try {
			return this.#runOnce(work);
		} catch (error) {
			throw storeFault("Using the index", this.#path, error);
		}
	}
	/** Runs statements while no other process writes, all of them or none. */
	transaction(work) {
		return this.run((prepare) => inTransaction(prepare, work));
	}
	/** Reads the whole index; a damaged one is rebuilt, and its problem returned. */
	check() {
		return this.#problems = [], this.run((prepare) => {
			let row = prepare("PRAGMA quick_check(1)").get();
			if (row.quick_check !== "ok") throw damage(row.quick_check);
		}), this.#problems;
	}
	/** False once the file that is open is no longer the one under the path. */
	isCurrent() {
		return this.#open !== void 0 && inodeOf(this.#path) === this.#open.inode;
	}
	/** Closes the file for good. */
	close() {
		this.#isClosed = !0, this.#release();
	}
	#release() {
		let open = this.#open;
		this.#open = void 0;
		try {
			open?.database.close();
		} catch (error) {
			this.#logger.log("debug", `closing the index: ${errorMessage(error)}`);
		}
	}
	#runOnce(work) {
		let prepare = this.#current();
		this.#within = prepare;
		try {
			return work(prepare);
		} finally {
			this.#within = void 0;
		}
	}
	#current() {
		if (this.#isClosed) throw new SwarmCacheError("ERR_CLOSED", "The index is closed.");
		if (this.#open !== void 0) {
			if (this.isCurrent()) return this.#open.prepare;
			this.#release();
		}
		let open = this.#openFile();
		this.#open = open;
		try {
			this.#onOpen(open.prepare);
		} catch (error) {
			throw this.#release(), error;
		}
		return open.prepare;
	}
	#openFile() {
		makeFolder(this.#folder), closeSync(openSync(this.#path, "a", 384));
		let deadline = Date.now() + BUSY_TIMEOUT_MS;
		for (;;) {
			let database = new DatabaseSync(this.#path, { timeout: BUSY_TIMEOUT_MS });
			try {
				let statements = /* @__PURE__ */ new Map(), prepare = (sql) => {
					let known = statements.get(sql);
					if (known !== void 0) return known;
					let statement = database.prepare(sql);
					return statements.set(sql, statement), statement;
				};
				return database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL"), inTransaction(prepare, () => createSchema(database, prepare)), {
					database,
					inode: inodeOf(this.#path) ?? 0,
					prepare
				};
			} catch (error) {
				database.close();
				let code = primaryCode(error);
				if (code !== 5 && code !== 15 || Date.now() > deadline) throw error;
				Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
			}
		}
	}
	#setAside(cause) {
		let inode = this.#open?.inode ?? inodeOf(this.#path);
		if (this.#release(), inode === void 0 || inodeOf(this.#path) !== inode) return;
		let prefix = "index.damaged-", earlier = namesOrEmpty(this.#versionFolder).filter((name) => name.startsWith(prefix)), aside = join(this.#versionFolder, `${prefix}${Date.now()}-${process.pid}`);
		try {
			renameSync(this.#folder, aside);
		} catch (error) {
			if (errnoOf(error) === "ENOENT") return;
			throw storeFault("Moving the damaged index aside", this.#folder, error);
		}
		for (let name of earlier) rmSync(join(this.#versionFolder, name), {
			recursive: !0,
			force: !0
		});
		let problem = `The index ${this.#path} is damaged (${errorMessage(cause)}). It was moved to ${aside} and is rebuilt from the entry files.`;
		this.#logger.log("warning", problem), this.#problems.push(problem);
	}
};
/** Runs statements while no other process writes, all of them or none; not inside another transaction. */
function inTransaction(prepare, work) {
	prepare("BEGIN IMMEDIATE").run();
	try {
		let result = work(prepare);
		return prepare("COMMIT").run(), result;
	} catch (error) {
		try {
			prepare("ROLLBACK").run();
		} catch {}
		throw error;
	}
}
function createSchema(database, prepare) {
	let row = prepare("PRAGMA user_version").get();
	if (row.user_version !== 1) {
		if (row.user_version !== 0) throw damage(`it has the unknown version ${row.user_version}`);
		database.exec("\n  CREATE TABLE entries (\n    tag TEXT NOT NULL,\n    name TEXT NOT NULL,\n    scope TEXT NOT NULL,\n    version TEXT NOT NULL,\n    folded BLOB NOT NULL,\n    origin TEXT NOT NULL,\n    manifest TEXT NOT NULL,\n    created INTEGER NOT NULL,\n    added INTEGER NOT NULL,\n    last_used INTEGER NOT NULL,\n    uses INTEGER NOT NULL,\n    heat REAL NOT NULL,\n    PRIMARY KEY (tag, name)\n  ) WITHOUT ROWID;\n  CREATE INDEX entries_by_scope ON entries (tag, version, scope, origin, folded);\n  CREATE INDEX entries_by_key ON entries (tag, folded);\n  CREATE TABLE space (\n    tag TEXT PRIMARY KEY,\n    bytes INTEGER NOT NULL,\n    chunks INTEGER NOT NULL,\n    reserved INTEGER NOT NULL\n  ) WITHOUT ROWID;\n  CREATE TABLE leases (\n    name TEXT PRIMARY KEY,\n    owner TEXT NOT NULL,\n    expires INTEGER NOT NULL\n  ) WITHOUT ROWID;\n  PRAGMA user_version = 1;\n");
	}
}
function damage(why) {
	return Object.assign(Error(why), { errcode: 11 });
}
function isDamage(error) {
	let code = primaryCode(error);
	return code === 11 || code === 26 || error.errcode === 1032;
}
/** SQLite's result code without its extension. */
function primaryCode(error) {
	let code = error?.errcode;
	return typeof code == "number" ? code & 255 : void 0;
}
function inodeOf(path) {
	return statSync(path, { throwIfNoEntry: !1 })?.ino;
}
// src/store/entry-index.ts
const DELETE = "DELETE FROM entries WHERE tag = ? AND name = ?";
/**
* The entries of one repository: files that say what exists, and an SQL index that finds them by prefix and time.
*
* The index may lag behind the files (a process died between the two): lookups by name go to the files, and
* every opening and clean-up brings the index up to them.
*/
var EntryIndex = class {
	#tag;
	#files;
	#database;
	#now;
	#maxEntriesOf;
	constructor(tag, files, database, now, maxEntriesOf = () => 1e400) {
		this.#tag = tag, this.#files = files, this.#database = database, this.#now = now, this.#maxEntriesOf = maxEntriesOf;
	}
	/**
	* Adds an entry; false if its name is taken by any process. `assertComplete` runs first, at a moment when no
	* clean-up removes anything, and may throw.
	*/
	add(entry, assertComplete) {
		let name = entryNameDigest(entry), isCreated = !1;
		return this.#database.transaction((prepare) => {
			isCreated ||= (assertComplete(), this.#files.create(name, entry));
			let holder = isCreated ? entry : this.#files.read(name);
			holder === void 0 && (isCreated = this.#files.create(name, entry)), this.#insertRow(prepare, name, holder ?? entry), isCreated && this.#trim(prepare, entry.scope, name);
		}), isCreated;
	}
	/** Indexes an entry that has its file. */
	insert(entry) {
		let name = entryNameDigest(entry);
		this.#database.run((prepare) => this.#insertRow(prepare, name, entry));
	}
	get(name) {
		return this.#files.read(entryNameDigest(name));
	}
	remove(name) {
		let digest = entryNameDigest(name);
		this.#database.transaction((prepare) => {
			this.#files.remove(digest), prepare(DELETE).run(this.#tag, digest);
		});
	}
	find(query) {
		let { version, repository } = query;
		for (let scope of query.scopes) for (let key of [query.key, ...query.restoreKeys]) {
			let exact = this.get({
				repository,
				scope,
				key,
				version
			}), match = exact === void 0 ? void 0 : matchEntry(exact, query);
			if (match !== void 0) return match;
			let newest = this.#findPrefix(query, scope, key);
			if (newest !== void 0) return newest;
		}
	}
	/** Notes that an entry was asked for, which keeps it from being evicted. */
	recordUse(entry) {
		let name = entryNameDigest(entry), now = this.#now();
		this.#database.transaction((prepare) => {
			this.#insertRow(prepare, name, entry);
			let row = prepare("SELECT last_used, heat FROM entries WHERE tag = ? AND name = ?").get(this.#tag, name);
			prepare("UPDATE entries SET uses = uses + 1, last_used = ?, heat = ? WHERE tag = ? AND name = ?").run(now, warmed(row.heat, now - row.last_used), this.#tag, name);
		});
	}
	/** Entries with the query's key that are no answer, because of their version or scope; newest first. */
	nearMisses(query) {
		let found = [], rows = this.#database.run((prepare) => prepare("SELECT name FROM entries WHERE tag = ? AND folded = ? ORDER BY created DESC").all(this.#tag, keyBytes(query.key)));
		for (let { name } of rows) {
			let entry = this.#readIndexed(name);
			if (entry !== void 0 && matchEntry(entry, query) === void 0 && (found.push(entry), found.length === 5)) break;
		}
		return found;
	}
	/** Every entry, the newest first. */
	list() {
		return this.#database.run((prepare) => prepare("SELECT name, last_used, uses FROM entries WHERE tag = ? ORDER BY created DESC, name").all(this.#tag)).flatMap(({ name, last_used: lastUsed, uses }) => {
			let entry = this.#readIndexed(name);
			return entry === void 0 ? [] : [{
				...entry,
				lastUsed,
				uses
			}];
		});
	}
	count() {
		return this.#database.run((prepare) => prepare("SELECT count(*) AS count FROM entries WHERE tag = ?").get(this.#tag)).count;
	}
	/** Brings the index up to the entry files; cheap when nothing is missing. */
	reconcile(prepare) {
		let files = new Set(this.#files.names()), rows = prepare("SELECT name FROM entries WHERE tag = ?").all(this.#tag), missing = new Set(files);
		for (let { name } of rows) missing.delete(name);
		let gone = rows.filter(({ name }) => !files.has(name));
		(missing.size !== 0 || gone.length !== 0) && inTransaction(prepare, () => {
			for (let name of missing) {
				let entry = this.#files.read(name);
				entry !== void 0 && this.#insertRow(prepare, name, entry);
			}
			for (let { name } of gone) this.#files.read(name) === void 0 && prepare(DELETE).run(this.#tag, name);
		});
	}
	/** Drops what was not used for longest of a scope that has too many entries, but not the one just added. */
	#trim(prepare, scope, added) {
		let { count } = prepare("SELECT count(*) AS count FROM entries WHERE tag = ? AND scope = ?").get(this.#tag, scope), excess = count - this.#maxEntriesOf(scope);
		if (excess <= 0) return;
		let rows = prepare("\n  SELECT name FROM entries WHERE tag = ? AND scope = ? AND name <> ?\n  ORDER BY last_used, created LIMIT ?").all(this.#tag, scope, added, excess);
		for (let { name } of rows) this.#files.remove(name), prepare(DELETE).run(this.#tag, name);
	}
	#findPrefix(query, scope, key) {
		let from = keyBytes(key), offset = 0;
		for (;;) {
			let rows = this.#database.run((prepare) => prepare("\n  SELECT name FROM entries INDEXED BY entries_by_scope\n  WHERE tag = ? AND version = ? AND scope = ? AND origin = 'save' AND folded >= ? AND folded < ?\n  ORDER BY created DESC, manifest LIMIT ? OFFSET ?").all(this.#tag, query.version, scope, from, prefixEnd(from), 16, offset));
			for (let { name } of rows) {
				let entry = this.#readIndexed(name);
				if (entry === void 0) continue;
				let match = matchEntry(entry, query);
				if (match !== void 0) return match;
				offset += 1;
			}
			if (rows.length < 16) return;
		}
	}
	/** The entry of an index row; the row goes if the file is gone or unusable. */
	#readIndexed(name) {
		let entry = this.#files.read(name);
		return entry === void 0 && this.#database.run((prepare) => prepare(DELETE).run(this.#tag, name)), entry;
	}
	#insertRow(prepare, name, entry) {
		let now = this.#now();
		prepare("\n  INSERT OR IGNORE INTO entries\n    (tag, name, scope, version, folded, origin, manifest, created, added, last_used, uses, heat)\n  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)").run(this.#tag, name, entry.scope, entry.version, keyBytes(entry.key), entry.origin, entry.manifest, entry.created, now, now);
	}
};
/** A key as the index compares it: a prefix of the key is a prefix of these bytes. */
function keyBytes(key) {
	return Buffer.from(foldKey(key), "utf16le");
}
/** The first bytes after all that start with `prefix`. */
function prefixEnd(prefix) {
	let last = prefix.findLastIndex((byte) => byte !== 255);
	if (last === -1) return Buffer.alloc(4096, 255);
	let end = Buffer.from(prefix.subarray(0, last + 1));
	return end[last] = (end[last] ?? 0) + 1, end;
}
/** Gives way to the event loop now and then, for work that is synchronous in its small steps. */
var Turn = class {
	#busyMs = 0;
	/** Runs one step and notes the time it took. */
	step(work) {
		let start = performance.now();
		try {
			return work();
		} finally {
			this.#busyMs += performance.now() - start;
		}
	}
	/** Lets others run if the steps since the last time took long enough; rejects with the signal's reason. */
	async pass(signal) {
		signal?.throwIfAborted(), this.#busyMs < 8 || (this.#busyMs = 0, await setImmediate(), signal?.throwIfAborted());
	}
}, EntryNeeds = class {
	#files;
	#database;
	#turn = new Turn();
	constructor(files, database) {
		this.#files = files, this.#database = database;
	}
	/** The chunks of an entry, all of them held. @throws ERR_STORE naming what is missing. */
	async hold(entry) {
		let manifest = this.#files.manifests.hold(entry.manifest) ? this.#files.readManifest(entry.manifest)?.manifest : void 0;
		if (manifest === void 0) throw missingManifest(entry);
		let refs = [...manifest.catalog, ...manifest.content], digests = [...new Set(refs.map((ref) => ref.digest))], suspects = [];
		for (let digest of digests) this.#turn.step(() => this.#files.chunks.hold(digest)) || suspects.push(digest), await this.#turn.pass();
		return suspects.length > 0 && this.#database.transaction(() => this.assertHeld(entry, suspects)), digests;
	}
	/** @throws ERR_STORE unless the manifest and these chunks are still there. */
	assertHeld(entry, digests) {
		if (!this.#files.manifests.hold(entry.manifest)) throw missingManifest(entry);
		let missing = digests.filter((digest) => !this.#files.chunks.hold(digest));
		if (missing.length === 0) return;
		let others = missing.length > 1 ? ` (and ${missing.length - 1} others)` : "";
		throw incompleteEntry(entry.key, `its chunk ${missing[0]}${others} is not stored`);
	}
};
function missingManifest(entry) {
	return incompleteEntry(entry.key, `its manifest ${entry.manifest} is not stored`);
}
// src/store/frame-aside.ts
/** Writes a frame to a file that counts against the bound of the store, and is none of its chunks yet. */
async function putFrameAside(parts, frame, signal) {
	let { chunks, ledger, room, turn, isClosed } = parts, { digest } = frame.chunk, pieces = encodeFrameFile(frame), bytes = 16 + frame.bytes.length;
	await room.reserve(bytes, signal);
	let path;
	try {
		path = turn.step(() => chunks.writeAside(digest, pieces));
	} catch (error) {
		throw ledger.release(bytes), error;
	}
	let isAside = !0, drop = () => {
		isAside && (isAside = !1, removeQuietly(path), ledger.release(bytes));
	};
	return {
		place: framePlace(path, bytes),
		keep: async () => {
			if (!isAside || isClosed() || chunks.hold(digest)) {
				drop();
				return;
			}
			isAside = !1;
			let isKept = !1;
			try {
				chunks.adopt(digest, path), isKept = !0;
			} finally {
				isKept ? ledger.wrote(bytes, 1) : ledger.release(bytes);
			}
		},
		drop
	};
}
/** Where the frame is in a chunk file of `fileBytes`; of one that is too short or too long, what could be one. */
function framePlace(path, fileBytes) {
	return {
		path,
		position: 16,
		bytes: Math.min(Math.max(0, fileBytes - 16), MAX_FRAME_BYTES)
	};
}
// src/store/hot-frames.ts
/**
* Frames in memory that are asked for again and again, bounded in bytes.
*
* A frame is kept when it is read for the second time while others of at most the same bound were read.
* Those that are read once, as in a restore, would only push each other out, and the system has their
* files in memory anyway.
*/
var HotFrames = class {
	#frames;
	/** What was read lately and not kept, with its bytes. */
	#seen;
	constructor(limitBytes) {
		this.#frames = new I({
			maxSize: limitBytes,
			sizeCalculation: (bytes) => bytes.length
		}), this.#seen = new I({
			maxSize: limitBytes,
			sizeCalculation: (bytes) => bytes
		});
	}
	get(digest) {
		return this.#frames.get(digest);
	}
	/** True if the frame is kept now, so that its bytes must stay as they are. */
	offer(digest, bytes) {
		return this.#seen.delete(digest) ? (this.#frames.set(digest, bytes), this.#frames.has(digest)) : (this.#seen.set(digest, bytes.length), !1);
	}
	clear() {
		this.#frames.clear(), this.#seen.clear();
	}
}, RepositoryFiles = class {
	chunks;
	manifests;
	#logger;
	constructor(layout, logger, now, touchAfterMs) {
		this.chunks = new DigestFolder(layout.chunks, layout, now, touchAfterMs), this.manifests = new DigestFolder(layout.manifests, layout, now, touchAfterMs), this.#logger = logger;
	}
	/** A chunk, or undefined; a damaged one is removed and `onDamage` told. */
	readChunk(digest, onDamage) {
		let file = this.chunks.read(digest, MAX_FRAME_FILE_BYTES);
		if (file === void 0) return;
		let frame = decodeChunk(digest, file);
		if (typeof frame != "string") return frame;
		let path = this.chunks.path(digest);
		this.chunks.remove(digest, (moved) => {
			let again = readWhole(moved, MAX_FRAME_FILE_BYTES);
			return again !== void 0 && typeof decodeChunk(digest, again) != "string";
		}) && this.#report("chunk", digest, path, frame, onDamage);
	}
	/** Removes a chunk whose frame turned out to be bad though its file is whole. */
	discardChunk(digest, why, onDamage) {
		this.chunks.remove(digest, () => !1) && this.#report("chunk", digest, this.chunks.path(digest), why, onDamage);
	}
	/** A manifest with its encoded form, or undefined; a damaged one is removed and `onDamage` told. */
	readManifest(digest, onDamage) {
		let file = this.manifests.read(digest, MAX_MANIFEST_BYTES);
		if (file === void 0) return;
		let manifest = decodeWhole(digest, file);
		if (typeof manifest != "string") return manifest;
		let path = this.manifests.path(digest);
		this.manifests.remove(digest, (moved) => {
			let again = readWhole(moved, 67108864);
			return again !== void 0 && typeof decodeWhole(digest, again) != "string";
		}) && this.#report("manifest", digest, path, manifest, onDamage);
	}
	/** Counts what is on disk. */
	count() {
		let bytes = 0, chunks = 0;
		for (let files of this.chunks.list()) {
			chunks += files.length;
			for (let file of files) bytes += file.bytes;
		}
		for (let files of this.manifests.list()) for (let file of files) bytes += file.bytes;
		return {
			bytes,
			chunks
		};
	}
	#report(kind, digest, path, why, onDamage) {
		let problem = `The ${kind} file ${path} is damaged: ${why}. It was removed.`;
		this.#logger.log("warning", problem), kind === "chunk" && publish("chunk:corrupt", {
			digest,
			where: path
		}), onDamage?.(problem);
	}
};
function decodeChunk(digest, file) {
	return "bytes" in file ? decodeFrameFile(digest, file.bytes) : `it has ${file.size} bytes, more than any chunk`;
}
function decodeWhole(digest, file) {
	if (!("bytes" in file)) return `it has ${file.size} bytes, more than any manifest`;
	try {
		return {
			bytes: file.bytes,
			manifest: decodeManifest(file.bytes, digest)
		};
	} catch {
		return "it is not the manifest that its name stands for";
	}
}
/** Finds space for what is about to be written, by cleaning up when the limit is reached. */
var Room = class {
	#home;
	#ledger;
	#sweep;
	#sweeps = new SingleFlight();
	#closing = new AbortController();
	#running = Promise.resolve(!0);
	#fullUntil = 0;
	constructor(home, ledger, sweep) {
		this.#home = home, this.#ledger = ledger, this.#sweep = sweep;
	}
	/** Reserves `bytes` in the ledger, where the caller notes or releases them. @throws ERR_STORE. */
	async reserve(bytes, signal) {
		let deadline = performance.now() + 15e3;
		for (; !this.#ledger.reserve(bytes);) {
			if (bytes > this.#ledger.limitBytes || performance.now() < this.#fullUntil || performance.now() > deadline) throw storeFull(this.#home, bytes, this.#ledger.limitBytes);
			let isDone = await this.cleanUp(bytes, signal);
			if (isDone && this.#ledger.reserve(bytes)) return;
			isDone ? this.#fullUntil = performance.now() + 5e3 : await pause(50, signal);
		}
	}
	/** Cleans up so that `neededBytes` more fit; false if another process does so at this moment. */
	async cleanUp(neededBytes, signal) {
		this.#closing.signal.throwIfAborted();
		let run = () => this.#sweep.run(neededBytes, this.#closing.signal);
		return this.#running = this.#sweeps.run("sweep", run), signal === void 0 ? await this.#running : await abortable(this.#running, signal);
	}
	/** Something may be dropped again. */
	retry() {
		this.#fullUntil = 0;
	}
	/** Ends a clean-up under way; those who wait for room reject with `reason`. */
	async close(reason) {
		this.#closing.abort(reason), await this.#running.catch(() => {});
	}
};
// src/store/scope-shares.ts
/** Of the limit, what one scope may take; who has more gives first. */
const SCOPE_SHARE = {
	default: 1,
	branch: .25,
	other: .25
}, CLASS_SHARE = {
	default: 1,
	branch: .5,
	other: .4
}, RANK = {
	default: 0,
	branch: 1,
	other: 2
}, MAX_SCOPE_ENTRIES = {
	default: 2e4,
	branch: 5e3,
	other: 1e3
};
/** Follows how much each scope and class has while entries are dropped. */
var ScopeShares = class {
	#limitBytes;
	#surveys;
	/** The class that each content counts to, by repository. */
	#owners = /* @__PURE__ */ new Map();
	#scopes = /* @__PURE__ */ new Map();
	#classes = /* @__PURE__ */ new Map();
	constructor(surveys, entries, limitBytes) {
		this.#limitBytes = limitBytes, this.#surveys = surveys;
		for (let entry of entries) {
			let owners = this.#owners.get(entry.tag) ?? /* @__PURE__ */ new Map();
			this.#owners.set(entry.tag, owners);
			for (let digest of entry.needs) {
				let owner = owners.get(digest);
				(owner === void 0 || RANK[entry.scopeClass] < RANK[owner]) && owners.set(digest, entry.scopeClass);
			}
		}
		for (let entry of entries) this.#count(entry, 1);
	}
	/** True if the entry's scope, or all scopes of its class together, have more than their share. */
	isOver({ tag, scope, scopeClass }, what) {
		return what === "class" ? this.isClassOver(scopeClass) : (this.#scopes.get(scopeName(tag, scope))?.bytes ?? 0) > SCOPE_SHARE[scopeClass] * this.#limitBytes;
	}
	isClassOver(scopeClass) {
		return this.#bytesOf(scopeClass) > CLASS_SHARE[scopeClass] * this.#limitBytes;
	}
	/** True while the default branches have no more than what is theirs in any case. */
	get isDefaultProtected() {
		return this.#bytesOf("default") <= .5 * this.#limitBytes;
	}
	drop(entry) {
		this.#count(entry, -1);
	}
	#bytesOf(scopeClass) {
		let bytes = 0;
		for (let tag of this.#surveys.keys()) bytes += this.#classes.get(scopeName(tag, scopeClass))?.bytes ?? 0;
		return bytes;
	}
	#count({ tag, scope, scopeClass, needs }, change) {
		let survey = this.#surveys.get(tag), owners = this.#owners.get(tag), usages = [usageIn(this.#scopes, scopeName(tag, scope)), usageIn(this.#classes, scopeName(tag, scopeClass))];
		for (let digest of needs) {
			if (owners?.get(digest) !== scopeClass) continue;
			let bytes = (survey?.chunks.get(digest) ?? survey?.manifests.get(digest))?.bytes ?? 0;
			for (let usage of usages) usage.count(digest, bytes, change);
		}
	}
}, Usage = class {
	bytes = 0;
	#needed = /* @__PURE__ */ new Map();
	count(digest, bytes, change) {
		let before = this.#needed.get(digest) ?? 0;
		this.#needed.set(digest, before + change), change === 1 && before === 0 && (this.bytes += bytes), change === -1 && before === 1 && (this.bytes -= bytes);
	}
};
function usageIn(usages, name) {
	let usage = usages.get(name) ?? new Usage();
	return usages.set(name, usage), usage;
}
function scopeName(tag, scope) {
	return `${tag} ${scope}`;
}
// src/store/space-ledger.ts
const SWEEP_LEASE = "sweep";
/** Counts the bytes of a home, over all its repositories and processes, against its limit. */
var SpaceLedger = class {
	limitBytes;
	#database;
	#tag;
	#blockBytes;
	/** Names this process among those that may hold a lease. */
	#owner = randomUUID();
	/** Taken from the limit, and free for the next reservations. */
	#available = 0;
	/** Reserved, and neither written nor released yet. */
	#outstanding = 0;
	/** Written, and not in the database yet. */
	#written = 0;
	#chunks = 0;
	constructor(database, tag, limitBytes) {
		this.#database = database, this.#tag = tag, this.limitBytes = limitBytes, this.#blockBytes = Math.min(16777216, Math.ceil(limitBytes / 64));
	}
	/** Takes `bytes` from the limit, to be written or released; false if they do not fit. */
	reserve(bytes) {
		return bytes <= this.#available || this.#takeBlock(bytes) ? (this.#available -= bytes, this.#outstanding += bytes, !0) : !1;
	}
	/** Takes a block of at least `bytes`; false if they do not fit. */
	#takeBlock(bytes) {
		return this.#database.transaction((prepare) => {
			this.#settle(prepare);
			let free = this.limitBytes - totalOf(prepare);
			if (bytes > free) return !1;
			let block = Math.min(free, Math.max(bytes, this.#blockBytes));
			return prepare("UPDATE space SET reserved = reserved + ? WHERE tag = ?").run(block, this.#tag), this.#available = block, !0;
		});
	}
	/** Gives back reserved bytes that were not written after all. */
	release(bytes) {
		this.#available += bytes, this.#outstanding -= bytes;
	}
	/** Notes that reserved bytes were written. */
	wrote(bytes, chunks) {
		this.#written += bytes, this.#outstanding -= bytes, this.#chunks += chunks;
	}
	/** Counts what was written, and gives back what was taken ahead. */
	settle() {
		this.#available + this.#written > 0 && this.#database.transaction((prepare) => this.#settle(prepare));
	}
	used() {
		let row = this.#database.run((prepare) => prepare("SELECT bytes, chunks FROM space WHERE tag = ?").get(this.#tag));
		return {
			bytes: (row?.bytes ?? 0) + this.#written,
			chunks: (row?.chunks ?? 0) + this.#chunks
		};
	}
	/** What is noted about each repository, for `recount`. */
	noted() {
		let rows = this.#database.run((prepare) => prepare("SELECT tag, bytes, chunks FROM space").all());
		return new Map(rows.map(({ tag, bytes, chunks }) => [tag, {
			bytes,
			chunks
		}]));
	}
	/**
	* Replaces what was noted `before` the files of a repository were counted by the count.
	*
	* What was written meanwhile may be counted twice until the next time, never left out.
	*/
	recount(tag, counted, before = {
		bytes: 0,
		chunks: 0
	}) {
		let isOwn = tag === this.#tag;
		isOwn && (this.#available = 0), this.#database.run((prepare) => prepare("INSERT INTO space (tag, bytes, chunks, reserved) VALUES (?, ?, ?, ?)\n         ON CONFLICT (tag) DO UPDATE SET reserved = excluded.reserved,\n           bytes = excluded.bytes + max(0, bytes - ?), chunks = excluded.chunks + max(0, chunks - ?)").run(tag, counted.bytes, counted.chunks, isOwn ? this.#outstanding : 0, before.bytes, before.chunks));
	}
	/** Notes what a repository has if nothing is noted about it: the index is new, or was rebuilt. */
	adopt(prepare, tag, count) {
		if (prepare("SELECT 1 FROM space WHERE tag = ?").get(tag) !== void 0) return;
		let { bytes, chunks } = count();
		prepare("INSERT OR IGNORE INTO space (tag, bytes, chunks, reserved) VALUES (?, ?, ?, 0)").run(tag, bytes, chunks);
	}
	/** Takes or renews the right to clean up, which lapses by itself if this process dies; false if another has it. */
	leaseSweep(milliseconds) {
		let now = Date.now();
		return this.#database.transaction((prepare) => {
			let changed = prepare("INSERT INTO leases (name, owner, expires) VALUES (?, ?, ?)\n         ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, expires = excluded.expires\n         WHERE owner = excluded.owner OR expires < ?").run(SWEEP_LEASE, this.#owner, now + milliseconds, now);
			return Number(changed.changes) > 0;
		});
	}
	releaseSweep() {
		this.#database.run((prepare) => prepare("DELETE FROM leases WHERE name = ? AND owner = ?").run(SWEEP_LEASE, this.#owner));
	}
	#settle(prepare) {
		prepare("INSERT INTO space (tag, bytes, chunks, reserved) VALUES (?, ?, ?, 0)\n       ON CONFLICT (tag) DO UPDATE SET bytes = bytes + excluded.bytes,\n         chunks = chunks + excluded.chunks, reserved = max(0, reserved - ?)").run(this.#tag, this.#written, this.#chunks, this.#written + this.#available), this.#written = 0, this.#chunks = 0, this.#available = 0;
	}
};
function totalOf(prepare) {
	return prepare("SELECT coalesce(sum(bytes + reserved), 0) AS total FROM space").get().total;
}
// src/store/store-inbox.ts
/** Chunk files that another process or thread has written, taken over without reading them. */
var StoreInbox = class {
	folder;
	prefix = randomUUID();
	#parts;
	constructor(parts) {
		this.folder = parts.folder, this.#parts = parts;
	}
	async take(frames) {
		for (let frame of frames) this.#parts.assertOpen(), await this.#parts.turn.pass(), await this.#takeOne(frame);
	}
	async #takeOne({ chunk, name, frameBytes }) {
		if (assertFrame(chunk, frameBytes), !isInboxName(name)) throw new SwarmCacheError("ERR_STORE", "A file to be taken over has no valid name.");
		let { chunks, ledger, room, turn, folder } = this.#parts, path = join(folder, name);
		if (turn.step(() => chunks.hold(chunk.digest))) {
			removeFile(path);
			return;
		}
		let bytes = 16 + frameBytes;
		await room.reserve(bytes);
		let isTaken = !1;
		try {
			turn.step(() => chunks.take(chunk.digest, path, bytes)), isTaken = !0;
		} finally {
			isTaken ? ledger.wrote(bytes, 1) : ledger.release(bytes);
		}
	}
};
// src/store/eviction-plan.ts
/**
* Decides what goes: first all old files that no entry needs, then entries with what only they need, until the
* target is reached or only spared entries are left.
*
* The coldest go first, in this order: of scopes that have more than their share, of classes of scopes that have
* more than theirs, of all scopes but for what is protected of the default branches, of all but the default
* branches, and at last of these, as far as a save under way needs the room. See `scope-shares.ts`.
*/
function planEviction(surveys, entries, goal) {
	let uses = new Map(surveys.map(({ tag }) => [tag, /* @__PURE__ */ new Map()])), homes = new Map(surveys.map((survey) => [survey.tag, survey]));
	for (let entry of entries) {
		let counts = uses.get(entry.tag);
		for (let digest of entry.needs) counts?.set(digest, (counts.get(digest) ?? 0) + 1);
	}
	let isOld = (file) => goal.now - file.mtimeMs >= goal.graceMs, bytes = 0, underWayBytes = 0;
	for (let { tag, chunks, manifests } of surveys) for (let file of [...chunks.values(), ...manifests.values()]) {
		let isNeeded = uses.get(tag)?.has(file.digest) === !0;
		(isNeeded || !isOld(file)) && (bytes += file.bytes), !isNeeded && !isOld(file) && (underWayBytes += file.bytes);
	}
	let shares = new ScopeShares(homes, entries, goal.limitBytes), dropped = /* @__PURE__ */ new Set(), drop = (entry) => {
		let survey = homes.get(entry.tag), counts = uses.get(entry.tag);
		if (survey === void 0 || counts === void 0) return;
		let files = entry.needs.map((digest) => survey.chunks.get(digest) ?? survey.manifests.get(digest)).filter((file) => file !== void 0 && isOld(file));
		if (files.length !== 0) {
			dropped.add(entry), shares.drop(entry);
			for (let digest of entry.needs) counts.set(digest, (counts.get(digest) ?? 1) - 1);
			for (let file of files) file !== void 0 && counts.get(file.digest) === 0 && (bytes -= file.bytes);
		}
	}, coldest = coldestFirst(entries, homes, goal.now), dropWhere = (isNext) => {
		for (let { entry } of coldest) {
			if (bytes <= goal.targetBytes) return;
			!dropped.has(entry) && isNext(entry) && drop(entry);
		}
	}, isDefault = (entry) => entry.scopeClass === "default";
	if (dropWhere((entry) => shares.isOver(entry, "scope")), dropWhere((entry) => shares.isOver(entry, "class")), dropWhere((entry) => !isDefault(entry) || !shares.isDefaultProtected), dropWhere((entry) => !isDefault(entry)), !shares.isClassOver("other") && !shares.isClassOver("branch")) {
		let { limitBytes, neededBytes } = goal, enough = Math.max(limitBytes - neededBytes, bytes - underWayBytes - neededBytes);
		dropWhere((entry) => isDefault(entry) && bytes > enough);
	}
	let files = surveys.map(({ tag, chunks, manifests }) => {
		let isFree = (file) => (uses.get(tag)?.get(file.digest) ?? 0) === 0 && isOld(file);
		return {
			tag,
			chunks: [...chunks.values()].filter(isFree),
			manifests: [...manifests.values()].filter(isFree)
		};
	});
	return {
		entries: [...dropped],
		files
	};
}
function coldestFirst(entries, homes, now) {
	return entries.filter((entry) => !entry.isSpared).map((entry) => {
		let size = 0, chunks = homes.get(entry.tag)?.chunks;
		for (let digest of entry.needs) size += chunks?.get(digest)?.bytes ?? 0;
		return {
			entry,
			worth: worth(entry.heat, now - entry.lastUsed, size)
		};
	}).toSorted((a, b) => a.worth - b.worth);
}
// src/store/sweep.ts
const LEASE_MS = 1e4;
/**
* Mark and sweep over all repositories of a home.
*
* 1. Take the lease; another process that sweeps does the work for this one.
* 2. Bring the index up to the entry files: only they say what is live.
* 3. Mark what the manifests of all entries name, and plan (see `planEviction`).
* 4. Drop entries first, then files, in short write transactions; a file that was touched since it was
*    surveyed is put back. `addEntry` touches what it needs and links the entry in such a transaction too.
* 5. Note what is left as the space in use.
*/
var Sweep = class {
	#parts;
	#options;
	constructor(parts, options) {
		this.#parts = parts, this.#options = options;
	}
	/** Cleans up so that `neededBytes` more fit; false if another process cleans up at this moment. */
	async run(neededBytes, signal) {
		let { ledger } = this.#parts;
		if (!ledger.leaseSweep(LEASE_MS)) return !1;
		try {
			return await this.#sweep(this.#options.graceMs, neededBytes, signal) + neededBytes > ledger.limitBytes && await this.#sweep(this.#options.pressedGraceMs, neededBytes, signal), !0;
		} finally {
			ledger.releaseSweep();
		}
	}
	async #sweep(graceMs, neededBytes, signal) {
		let { layout, ledger, logger, now } = this.#parts, turn = new Turn(), start = now();
		ledger.settle();
		let noted = ledger.noted(), surveys = [], entries = [], counts = /* @__PURE__ */ new Map(), total = 0;
		for (let tag of layout.tags()) {
			for (let entry of await this.#mark(tag, graceMs, turn, signal)) entries.push(entry);
			let survey = await this.#survey(tag, turn, signal);
			surveys.push(survey);
			let bytes = totalBytes(survey.chunks.values()) + totalBytes(survey.manifests.values());
			counts.set(tag, {
				bytes,
				chunks: survey.chunks.size
			}), total += bytes;
		}
		let newest = entries.toSorted((a, b) => b.added - a.added)[0], isOver = total + neededBytes > ledger.limitBytes, plan = turn.step(() => planEviction(surveys, entries.map((entry) => entry === newest ? {
			...entry,
			isSpared: !0
		} : entry), {
			now: start,
			graceMs,
			limitBytes: ledger.limitBytes,
			neededBytes,
			targetBytes: isOver ? ledger.limitBytes * .8 - neededBytes : 1e400
		}));
		await this.#drop(plan, counts, turn, signal);
		let left = 0;
		for (let [tag, count] of counts) ledger.recount(tag, count, noted.get(tag)), left += count.bytes;
		return total > left && logger.log("info", `Cleaned up ${formatSize(total - left)} of ${formatSize(total)}.`, { entries: plan.entries.length }), left;
	}
	async #mark(tag, graceMs, turn, signal) {
		let { database, now } = this.#parts, files = this.#parts.entryFilesOf(tag), index = new EntryIndex(tag, files, database, now);
		database.run((prepare) => index.reconcile(prepare));
		let rows = database.run((prepare) => prepare("SELECT name, scope, heat, last_used, added FROM entries WHERE tag = ?").all(tag)), content = this.#parts.filesOf(tag), marked = [];
		for (let { name, scope, heat, last_used: lastUsed, added } of rows) {
			await turn.pass(signal);
			let digest = turn.step(() => files.read(name)?.manifest);
			if (digest === void 0) continue;
			let manifest = turn.step(() => content.readManifest(digest)?.manifest), refs = manifest === void 0 ? [] : [...manifest.catalog, ...manifest.content], needs = [.../* @__PURE__ */ new Set([digest, ...refs.map((ref) => ref.digest)])], isSpared = now() - added < graceMs, kind = scopeClass(scope, this.#parts.defaultScopeOf(tag));
			marked.push({
				tag,
				name,
				scope,
				scopeClass: kind,
				needs,
				heat,
				lastUsed,
				added,
				isSpared
			});
		}
		return marked;
	}
	async #survey(tag, turn, signal) {
		let files = this.#parts.filesOf(tag), listed = async (folder) => {
			let found = /* @__PURE__ */ new Map(), listing = folder.list();
			for (;;) {
				await turn.pass(signal);
				let next = turn.step(() => listing.next());
				if (next.done === !0) return found;
				for (let file of next.value) found.set(file.digest, file);
			}
		};
		return {
			tag,
			chunks: await listed(files.chunks),
			manifests: await listed(files.manifests)
		};
	}
	async #drop(plan, counts, turn, signal) {
		let { database, ledger, entryFilesOf, filesOf } = this.#parts;
		for (let entry of plan.entries) await turn.pass(signal), turn.step(() => database.transaction((prepare) => {
			entryFilesOf(entry.tag).remove(entry.name), prepare("DELETE FROM entries WHERE tag = ? AND name = ?").run(entry.tag, entry.name);
		}));
		for (let { tag, chunks, manifests } of plan.files) {
			let files = filesOf(tag), doomed = [...chunks.map((file) => ({
				folder: files.chunks,
				file
			})), ...manifests.map((file) => ({
				folder: files.manifests,
				file
			}))];
			for (let at = 0; at < doomed.length; at += 64) {
				if (await turn.pass(signal), !ledger.leaseSweep(LEASE_MS)) return;
				let removed = turn.step(() => database.transaction(() => doomed.slice(at, at + 64).filter(({ folder, file }) => folder.remove(file.digest, (moved) => {
					let stats = statSync(moved, { throwIfNoEntry: !1 });
					return stats !== void 0 && stats.mtimeMs > file.mtimeMs;
				})))), { bytes, chunks: count } = counts.get(tag) ?? {
					bytes: 0,
					chunks: 0
				};
				counts.set(tag, {
					bytes: bytes - totalBytes(removed.map(({ file }) => file)),
					chunks: count - removed.filter(({ folder }) => folder === files.chunks).length
				});
			}
		}
	}
};
function totalBytes(files) {
	let total = 0;
	for (let file of files) total += file.bytes;
	return total;
}
// src/store/verification.ts
/** Reads and checks everything of one repository, in named steps; what is damaged is taken out of use. */
var Verification = class {
	#parts;
	#signal;
	#turn = new Turn();
	#problems = [];
	constructor(parts, signal) {
		this.#parts = parts, this.#signal = signal;
	}
	async run(deep) {
		let { tag, ledger } = this.#parts;
		ledger.settle();
		let noted = ledger.noted().get(tag);
		this.#checkIndex();
		let entries = await this.#checkEntries(), manifests = await this.#checkManifests(), chunks = await this.#checkChunks(deep), { complete, used } = await this.#checkCompleteness(entries, chunks), left = [...chunks.keys(), ...manifests], counted = this.#turn.step(() => this.#parts.files.count());
		return ledger.recount(tag, counted, noted), {
			chunks: chunks.size,
			manifests: manifests.length,
			entries: complete,
			orphans: left.filter((digest) => !used.has(digest)).length,
			problems: this.#problems
		};
	}
	#checkIndex() {
		let { database, index } = this.#parts;
		this.#problems.push(...database.check()), database.run((prepare) => index.reconcile(prepare));
	}
	async #checkEntries() {
		let entryFiles = this.#parts.entryFiles.reportingTo(this.#note), entries = [];
		for (let name of entryFiles.names()) {
			await this.#turn.pass(this.#signal);
			let entry = this.#turn.step(() => entryFiles.read(name));
			entry !== void 0 && entries.push(entry);
		}
		return entries;
	}
	async #checkManifests() {
		let { files } = this.#parts, good = [];
		for await (let digest of this.#list(files.manifests)) this.#turn.step(() => files.readManifest(digest, this.#note)) !== void 0 && good.push(digest);
		return good;
	}
	/** Plain sizes of the good chunks. */
	async #checkChunks(deep) {
		let { files } = this.#parts, good = /* @__PURE__ */ new Map();
		for await (let digest of this.#list(files.chunks)) {
			let file = this.#turn.step(() => files.readChunk(digest, this.#note));
			if (file !== void 0) {
				if (deep) try {
					await openFrame({
						chunk: {
							digest,
							bytes: file.plainBytes
						},
						bytes: file.frame
					});
				} catch (error) {
					files.discardChunk(digest, errorMessage(error), this.#note);
					continue;
				}
				good.set(digest, file.plainBytes);
			}
		}
		return good;
	}
	async #checkCompleteness(entries, chunks) {
		let { index } = this.#parts, used = /* @__PURE__ */ new Set(), complete = 0;
		for (let entry of entries) {
			await this.#turn.pass(this.#signal);
			let missing = this.#turn.step(() => this.#findMissing(entry, chunks, used));
			missing === void 0 ? complete += 1 : (index.remove(entry), this.#note(`The entry "${entry.key}" of ${entry.scope} is incomplete: ${missing}. It was removed.`));
		}
		return {
			complete,
			used
		};
	}
	#findMissing(entry, chunks, used) {
		let { files } = this.#parts, manifest = files.readManifest(entry.manifest, this.#note)?.manifest;
		if (manifest === void 0) return `its manifest ${entry.manifest} is not stored`;
		let refs = [...manifest.catalog, ...manifest.content];
		for (let { digest, bytes } of refs) {
			let stored = chunks.get(digest) ?? files.readChunk(digest)?.plainBytes;
			if (stored === void 0) return `its chunk ${digest} is not stored`;
			if (stored !== bytes) return `its chunk ${digest} has ${stored} bytes instead of ${bytes}`;
		}
		used.add(entry.manifest);
		for (let { digest } of refs) used.add(digest);
	}
	async *#list(folder) {
		for (let files of folder.list()) for (let { digest } of files) await this.#turn.pass(this.#signal), yield digest;
	}
	#note = (problem) => {
		this.#problems.push(problem);
	};
}, DiskStore = class DiskStore {
	#parts;
	#options;
	#logger;
	#isTrusted;
	#memory;
	#turn = new Turn();
	#isClosed = !1;
	constructor(parts, options) {
		this.#parts = parts, this.#options = options, this.#logger = options.logger ?? silentLogger, this.#isTrusted = options.verifyEntry ?? (() => !0);
		let memoryLimitBytes = options.memoryLimitBytes ?? 0;
		memoryLimitBytes > 0 && (this.#memory = new HotFrames(memoryLimitBytes));
	}
	/** Opens the store of a repository, creating and repairing what is needed. @throws ERR_STORE naming the path. */
	static async open(options) {
		let logger = options.logger ?? silentLogger, now = options.now ?? Date.now, graceMs = options.graceMs ?? 9e5, pressedGraceMs = Math.min(options.pressedGraceMs ?? 6e4, graceMs), layout = diskLayout(options.home, options.repository);
		layout.prepare();
		let touchAfterMs = pressedGraceMs / 2, filesOf = (tag) => new RepositoryFiles(layout.sibling(tag), logger, now, touchAfterMs), isTrusted = options.verifyEntry ?? (() => !0), entryFilesOf = (tag) => new EntryFiles(layout.sibling(tag), tag === layout.tag ? isTrusted : () => !0, logger), entryFiles = entryFilesOf(layout.tag), database = new IndexDatabase(layout.versionFolder, logger, (prepare) => {
			index.reconcile(prepare);
			for (let tag of layout.tags()) ledger.adopt(prepare, tag, () => filesOf(tag).count());
		}), index = new EntryIndex(layout.tag, entryFiles, database, now, (scope) => options.maxScopeEntries ?? MAX_SCOPE_ENTRIES[scopeClass(scope, options.defaultScope)]), ledger = new SpaceLedger(database, layout.tag, options.limitBytes), sweep = new Sweep({
			layout,
			database,
			ledger,
			logger,
			now,
			filesOf,
			entryFilesOf,
			defaultScopeOf: (tag) => tag === layout.tag ? options.defaultScope : void 0
		}, {
			graceMs,
			pressedGraceMs
		}), files = filesOf(layout.tag);
		database.open();
		let room = new Room(options.home, ledger, sweep), needs = new EntryNeeds(files, database);
		return new DiskStore({
			layout,
			files,
			entryFiles,
			database,
			index,
			ledger,
			room,
			needs,
			now,
			touchAfterMs
		}, options);
	}
	async has(digests) {
		this.#assertOpen();
		let held = [];
		for (let digest of digests) held.push(this.#turn.step(() => this.#parts.files.chunks.hold(digest))), await this.#turn.pass();
		return held;
	}
	async get(digest, { signal } = {}) {
		this.#assertOpen(), await this.#turn.pass(signal);
		let inMemory = this.#memory?.get(digest);
		if (inMemory !== void 0) return {
			bytes: inMemory,
			tier: "memory"
		};
		let file = this.#turn.step(() => this.#parts.files.readChunk(digest));
		if (file === void 0) return;
		let isKept = this.#memory?.offer(digest, file.frame) === !0;
		return {
			bytes: file.frame,
			tier: "disk",
			isOwned: !isKept
		};
	}
	async put(frame, { signal } = {}) {
		this.#assertOpen(), await this.#turn.pass(signal);
		let { files } = this.#parts, { digest } = frame.chunk;
		assertFrame(frame.chunk, frame.bytes.length), this.#turn.step(() => files.chunks.hold(digest)) || await this.#write(files.chunks, digest, encodeFrameFile(frame), signal);
	}
	async inbox() {
		this.#assertOpen();
		let { layout, files, ledger, room } = this.#parts;
		return layout.sweepTemporary(), new StoreInbox({
			folder: layout.temporary,
			chunks: files.chunks,
			ledger,
			room,
			turn: this.#turn,
			assertOpen: () => this.#assertOpen()
		});
	}
	async locate(digests) {
		this.#assertOpen();
		let { chunks } = this.#parts.files, places = [];
		for (let digest of digests) {
			let size = this.#turn.step(() => chunks.holdSize(digest));
			places.push(size === void 0 ? void 0 : framePlace(chunks.path(digest), size)), await this.#turn.pass();
		}
		return places;
	}
	async putAside(frame, { signal } = {}) {
		this.#assertOpen(), await this.#turn.pass(signal), assertFrame(frame.chunk, frame.bytes.length);
		let { files, ledger, room } = this.#parts;
		return await putFrameAside({
			chunks: files.chunks,
			ledger,
			room,
			turn: this.#turn,
			isClosed: () => this.#isClosed
		}, frame, signal);
	}
	async getManifest(digest) {
		return this.#assertOpen(), this.#turn.step(() => this.#parts.files.readManifest(digest)?.bytes);
	}
	async putManifest(digest, bytes) {
		this.#assertOpen(), await this.#turn.pass(), decodeManifest(bytes, digest);
		let { files } = this.#parts;
		files.manifests.hold(digest) || await this.#write(files.manifests, digest, [bytes]);
	}
	async addEntry(entry) {
		this.#assertOpen();
		let { index, ledger, needs, now, touchAfterMs } = this.#parts;
		assertOwn(entry, this.#options.repository, this.#isTrusted);
		let taken = index.get(entry);
		if (taken !== void 0 && !yieldsTo(taken, entry)) return index.insert(taken), !1;
		let checkedAt = now(), needed = await needs.hold(entry);
		taken !== void 0 && index.remove(taken);
		let isAdded = index.add(entry, () => {
			now() - checkedAt >= touchAfterMs && needs.assertHeld(entry, needed);
		});
		return ledger.settle(), isAdded;
	}
	async getEntry(name) {
		return this.#assertOpen(), this.#parts.index.get(name);
	}
	async findEntry(query) {
		this.#assertOpen();
		let match = this.#parts.index.find(query);
		if (match !== void 0) {
			try {
				this.#parts.index.recordUse(match.entry);
			} catch (error) {
				this.#logger.log("debug", `A use was not noted: ${errorMessage(error)}`);
			}
			return match;
		}
	}
	async findNearMisses(query) {
		return this.#assertOpen(), this.#parts.index.nearMisses(query);
	}
	async entries() {
		return this.#assertOpen(), this.#parts.index.list();
	}
	async removeEntry(name) {
		this.#assertOpen(), this.#parts.index.remove(name), this.#parts.room.retry();
	}
	async usage() {
		this.#assertOpen();
		let { index, ledger } = this.#parts;
		return {
			...ledger.used(),
			limitBytes: ledger.limitBytes,
			entries: index.count()
		};
	}
	async verify({ signal, deep = !1 } = {}) {
		this.#assertOpen(), this.#memory?.clear();
		let { layout } = this.#parts;
		return layout.prepare(), new Verification({
			...this.#parts,
			tag: layout.tag
		}, signal).run(deep);
	}
	async evict({ signal } = {}) {
		this.#assertOpen(), signal?.throwIfAborted(), this.#parts.room.retry(), await this.#parts.room.cleanUp(0, signal);
	}
	async close() {
		if (!this.#isClosed) {
			this.#isClosed = !0, await this.#parts.room.close(closed()), this.#memory?.clear();
			try {
				this.#parts.database.isCurrent() && this.#parts.ledger.settle();
			} catch (error) {
				this.#logger.log("warning", `Closing the store: ${errorMessage(error)}`);
			}
			this.#parts.database.close();
		}
	}
	async #write(folder, digest, parts, signal) {
		let { files, ledger, room } = this.#parts, bytes = totalLength(parts);
		await room.reserve(bytes, signal);
		let isWritten = !1;
		try {
			if (folder.hold(digest)) return;
			this.#turn.step(() => folder.write(digest, parts)), isWritten = !0;
		} finally {
			isWritten ? ledger.wrote(bytes, +(folder === files.chunks)) : ledger.release(bytes);
		}
	}
	#assertOpen() {
		if (this.#isClosed) throw closed();
	}
};
function totalLength(parts) {
	let bytes = 0;
	for (let part of parts) bytes += part.length;
	return bytes;
}
function closed() {
	return new SwarmCacheError("ERR_CLOSED", "The store is closed.");
}
export { DiskStore };
