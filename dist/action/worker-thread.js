import { n as errnoOf, o as isSwarmCacheError, t as SwarmCacheError } from "./errors.js";
import { t as startThreadBeside } from "./start-thread.js";
// src/archive/byte-path.ts
const NOT_ASCII = /[^\0-\x7f]/;
/** The bytes of a path that is ordinary text. */
function bytePath(text) {
	return NOT_ASCII.test(text) ? Buffer.from(text, "utf8").toString("latin1") : text;
}
/** The form in which `node:fs` takes the path. */
function fsPath(path) {
	return NOT_ASCII.test(path) ? Buffer.from(path, "latin1") : path;
}
/** The path as text for people and for matching; bytes that are not UTF-8 become U+FFFD. */
function textOf(path) {
	return NOT_ASCII.test(path) ? Buffer.from(path, "latin1").toString("utf8") : path;
}
/** The path of `name` in the folder `parent`. */
function joinPath(parent, name) {
	return parent.endsWith("/") ? parent + name : `${parent}/${name}`;
}
/** The folder that holds `path`, or undefined for a root. */
function parentOf(path) {
	let slash = path.lastIndexOf("/");
	if (slash !== -1 && slash !== path.length - 1) return slash === 0 ? "/" : path.slice(0, slash);
}
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
// src/archive/worker-thread.ts
/** Starts a thread from a file beside this one. */
function startThread(file, workerData) {
	return startThreadBeside(import.meta.url, file, workerData);
}
/** For sending from a thread. */
function packError(error) {
	let known = isSwarmCacheError(error) ? error : void 0;
	return {
		code: known?.code,
		message: error instanceof Error ? error.message : String(error),
		facts: { ...known?.facts },
		cause: known === void 0 ? void 0 : plainCause(known.cause)
	};
}
/** What was thrown in the thread. */
function unpackError(error) {
	let { code, message, cause, facts } = error;
	return code === void 0 ? Error(message) : new SwarmCacheError(code, message, {
		cause,
		facts
	});
}
/** System errors carry properties that structured cloning drops; only what a message needs is kept. */
function plainCause(cause) {
	return cause instanceof Error ? Error(cause.message) : void 0;
}
export { bytePath as a, parentOf as c, pathError as i, textOf as l, startThread as n, fsPath as o, unpackError as r, joinPath as s, packError as t };
