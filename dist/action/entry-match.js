// src/core/entry-match.ts
/**
* How `entry` answers `query`, or undefined if it does not.
*
* GitHub's rules: scope by scope, in each the exact key, then entries that the key is a prefix of,
* then each restore key in order (exact, then prefix), the newest first. Keys compare without case.
* https://docs.github.com/actions/reference/workflows-and-actions/dependency-caching#cache-key-matching
*/
function matchEntry(entry, query) {
	if (entry.repository !== query.repository || entry.version !== query.version || query.attested === !0 && entry.token === void 0 || query.except?.includes(entry.manifest) === !0) return;
	let scopeRank = query.scopes.indexOf(entry.scope);
	if (scopeRank === -1) return;
	let candidate = foldKey(entry.key), keys = [query.key, ...query.restoreKeys];
	for (let [index, key] of keys.entries()) {
		let wanted = foldKey(key);
		if (candidate === wanted) return {
			entry,
			hit: candidate === foldKey(query.key) ? "exact" : "prefix",
			scopeRank,
			keyRank: index * 2
		};
		if (entry.origin === "save" && candidate.startsWith(wanted)) return {
			entry,
			hit: "prefix",
			scopeRank,
			keyRank: index * 2 + 1
		};
	}
}
/** Negative if `a` is the better answer. */
function compareMatches(a, b) {
	return a.scopeRank - b.scopeRank || a.keyRank - b.keyRank || b.entry.created - a.entry.created || (a.entry.manifest < b.entry.manifest ? -1 : +(a.entry.manifest > b.entry.manifest));
}
/** The best answer among `entries`, or undefined. */
function bestMatch(entries, query) {
	let best;
	for (let entry of entries) {
		let match = matchEntry(entry, query);
		match !== void 0 && (best === void 0 || compareMatches(match, best) < 0) && (best = match);
	}
	return best;
}
/** Why `entry`, which has a key of the query but does not match it, is no answer. */
function nearMissOf(entry, query) {
	return {
		reason: query.scopes.includes(entry.scope) ? "other-version" : "other-scope",
		key: entry.key,
		scope: entry.scope
	};
}
/** Keys compare as the service compares them: without case. */
function foldKey(key) {
	return key.toLowerCase();
}
export { nearMissOf as a, matchEntry as i, compareMatches as n, foldKey as r, bestMatch as t };
