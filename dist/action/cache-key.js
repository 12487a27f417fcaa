import { t as digestOf } from "./digest.js";
import { i as inputError } from "./errors.js";
/**
* Checks a primary key and its restore keys as the GitHub cache service does.
*
* @throws ERR_INPUT naming the key: empty, over 512 characters, with a comma, or more than 10 keys in all.
*/
function assertKeys(key, restoreKeys = []) {
	assertKey(key);
	for (let restoreKey of restoreKeys) assertKey(restoreKey);
	let count = restoreKeys.length + 1;
	if (count > 10) throw inputError(`${count} keys were given, but at most 10 are allowed, the primary key included. Remove some restore keys.`, { count });
}
function assertKey(key) {
	if (key.trim() === "") throw inputError("A cache key is empty. Give it at least one character that is not a space.");
	if (key.length > 512) throw inputError(`The cache key "${key.slice(0, 40)}…" has ${key.length} characters, but at most 512 are allowed. Shorten it, for example with hashFiles().`, { length: key.length });
	if (key.includes(",")) throw inputError(`The cache key "${key}" contains a comma, which the cache service does not allow. Use another separator.`, { key });
}
/**
* The version of an entry: entries match only where the paths were declared alike.
*
* It covers what @actions/cache's version covers (the paths as written, in order, and the platform
* unless `crossOs`), except the compression, which is ours alone.
*/
function entryVersion(paths, crossOs = !1, platform = process.platform) {
	let parts = [...paths];
	return platform === "win32" && !crossOs && parts.push("windows-only"), parts.push("swarmcache-1"), digestOf(parts.join("|"));
}
export { entryVersion as n, assertKeys as t };
