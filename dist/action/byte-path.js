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
export { textOf as a, parentOf as i, fsPath as n, joinPath as r, bytePath as t };
