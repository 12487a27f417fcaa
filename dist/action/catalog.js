import { n as errnoOf, t as SwarmCacheError } from "./errors.js";
import { a as textOf } from "./byte-path.js";
// src/archive/path-error.ts
const REASONS = {
	EACCES: "permission denied. Make it accessible to this user, or exclude it with !PATH.",
	EPERM: "the operation is not permitted for this user.",
	ENOSPC: "the disk is full. Free some space and try again.",
	EDQUOT: "the disk quota is used up. Free some space and try again.",
	EROFS: "the file system is read-only.",
	ENOTDIR: "a part of the path is not a folder.",
	ENAMETOOLONG: "the path is too long for this file system. Use a shorter base folder.",
	ENOTEMPTY: "a folder with other files is in the way. Remove it first.",
	ELOOP: "a symbolic link is in the way."
};
/** ERR_PATH that says what was tried on `path` and why the file system refused it. */
function pathError(doing, path, cause) {
	let errno = errnoOf(cause), reason = (errno === void 0 ? void 0 : REASONS[errno]) ?? `${cause instanceof Error ? cause.message : String(cause)}.`, text = textOf(path);
	return new SwarmCacheError("ERR_PATH", `Cannot ${doing} ${text}: ${reason}`, {
		cause,
		facts: errno === void 0 ? { path: text } : {
			path: text,
			errno
		}
	});
}
// src/archive/catalog.ts
/**
* What a path in a catalog is. An `ANCESTOR` is a folder on the way to something selected that is not
* selected itself: it is made if it is missing, and otherwise left as it is.
*/
const KIND = {
	ANCESTOR: 0,
	FOLDER: 1,
	FILE: 2,
	SYMLINK: 3,
	HARD_LINK: 4
}, CATALOG_MAGIC = 1935897649, MAX_CATALOG_BYTES = 268435456, MAX_DEPTH = 2048, MAX_PATH_BYTES = 4096;
/** True for the kinds that have children. */
function isFolderKind(kind) {
	return kind === KIND.FOLDER || kind === KIND.ANCESTOR;
}
/** True for the kinds that record a modification time. */
function hasTime(kind) {
	return kind === KIND.FILE || kind === KIND.FOLDER || kind === KIND.SYMLINK;
}
export { MAX_PATH_BYTES as a, pathError as c, MAX_DEPTH as i, KIND as n, hasTime as o, MAX_CATALOG_BYTES as r, isFolderKind as s, CATALOG_MAGIC as t };
