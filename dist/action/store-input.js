import { n as errnoOf, o as isSwarmCacheError, r as errorMessage, t as SwarmCacheError } from "./errors.js";
import { n as isDigest } from "./digest.js";
import { n as MAX_FRAME_BYTES, t as MAX_CHUNK_BYTES } from "./manifest.js";
import { r as parseSignedEntry } from "./entry.js";
// src/store/store-fault.ts
const ADVICE = {
	ENOSPC: "The disk is full: free some space, or set a smaller SWARMCACHE_DISK_LIMIT.",
	EDQUOT: "The disk quota is used up: free some space, or set a smaller SWARMCACHE_DISK_LIMIT.",
	EACCES: "Give this user the right to write there, or set SWARMCACHE_HOME to another folder.",
	EPERM: "Give this user the right to write there, or set SWARMCACHE_HOME to another folder.",
	EROFS: "The file system is read-only: set SWARMCACHE_HOME to another folder.",
	ENOTDIR: "A file is in the way: remove it, or set SWARMCACHE_HOME to another folder.",
	EEXIST: "A file is in the way: remove it, or set SWARMCACHE_HOME to another folder.",
	EMFILE: "Too many files are open: raise the limit of open files (ulimit -n)."
};
/** ERR_STORE for what the file system or the index refused; errors of this package pass unchanged. */
function storeFault(what, path, cause) {
	if (isSwarmCacheError(cause)) return cause;
	let errno = errnoOf(cause) ?? "";
	return new SwarmCacheError("ERR_STORE", `${what} failed at ${path}: ${errorMessage(cause)}. ${ADVICE[errno] ?? "Check the disk, or set SWARMCACHE_HOME to another folder."}`, {
		cause,
		facts: {
			path,
			errno
		}
	});
}
/** ERR_STORE for an entry that names something which is not stored. */
function incompleteEntry(key, missing) {
	return new SwarmCacheError("ERR_STORE", `The entry "${key}" cannot be added: ${missing}. Save it again.`, { facts: { key } });
}
/** ERR_STORE for a store that cannot make room. */
function storeFull(where, bytes, limitBytes) {
	return new SwarmCacheError("ERR_STORE", `The store ${where} is full: ${bytes} more bytes do not fit within ${limitBytes}, and nothing in it may be dropped yet. Raise SWARMCACHE_DISK_LIMIT.`, { facts: {
		where,
		bytes,
		limitBytes
	} });
}
// src/store/store-input.ts
/** @throws ERR_STORE if a frame of that many bytes is not of a form that can be stored. */
function assertFrame(chunk, frameBytes) {
	let fits = chunk.bytes > 0 && chunk.bytes <= 1048576 && frameBytes <= 1056768;
	if (!(isDigest(chunk.digest) && fits)) throw new SwarmCacheError("ERR_STORE", `The chunk ${String(chunk.digest)} of ${chunk.bytes} bytes in a frame of ${frameBytes} cannot be stored: at most ${MAX_CHUNK_BYTES} and ${MAX_FRAME_BYTES} are allowed.`, { facts: { digest: chunk.digest } });
}
/** @throws ERR_STORE if an entry is malformed, of another repository, or not signed by its writer. */
function assertOwn(entry, repository, isTrusted) {
	let why;
	if (parseSignedEntry(entry) === void 0) why = "it is malformed";
	else if (entry.repository !== repository) why = `this is the store of ${repository}`;
	else if (!isTrusted(entry)) why = "its signature does not verify";
	else return;
	throw new SwarmCacheError("ERR_STORE", `The entry "${entry.key}" of ${entry.repository} cannot be stored: ${why}.`, { facts: {
		key: entry.key,
		repository: entry.repository
	} });
}
/** True if the first writer loses its name after all: it only claimed its scope, and the other has it attested. */
function yieldsTo(taken, entry) {
	return taken.token === void 0 && entry.token !== void 0;
}
export { storeFault as a, incompleteEntry as i, assertOwn as n, storeFull as o, yieldsTo as r, assertFrame as t };
