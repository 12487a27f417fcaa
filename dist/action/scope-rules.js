// src/core/scope-rules.ts
const TRUSTED_EVENTS = /* @__PURE__ */ new Set([
	"push",
	"schedule",
	"workflow_dispatch",
	"repository_dispatch",
	"delete",
	"registry_package",
	"page_build"
]), BRANCH = "refs/heads/", USUAL_DEFAULTS = ["refs/heads/main", "refs/heads/master"], CACHE_MODES = [
	"none",
	"read",
	"write",
	"write-only"
];
/** The scope of a branch given by name or full ref. */
function branchScope(branch) {
	return branch.startsWith("refs/") ? branch : `${BRANCH}${branch}`;
}
/** How much the entries of `scope` matter. */
function scopeClass(scope, defaultScope) {
	return scope.startsWith(BRANCH) ? (defaultScope === void 0 ? USUAL_DEFAULTS.includes(scope) : scope === defaultScope) ? "default" : "branch" : "other";
}
/** Why a run may not write `scope`, as the end of a sentence; undefined if it may. */
function whyNotWritable(run, scope) {
	let { event, ref, defaultScope } = run;
	if (scope !== ref) return `a run of ${ref || "no ref"} may not write to ${scope}`;
	if (mayBeDefault(scope, defaultScope) && !TRUSTED_EVENTS.has(event) && (event !== "workflow_run" || run.followsFork !== !1)) return `a run started by ${event || "no event"} may only read the caches of ${scope}`;
}
/** True for a run that everybody's caches are entrusted to: it may write those of the default branch. */
function writesDefault(run) {
	return mayBeDefault(run.ref, run.defaultScope) && whyNotWritable(run, run.ref) === void 0;
}
/**
* Those of `scopes` that a run may read: its own, its base's and the default branch's; where that is not known,
* any branch may be it.
*/
function readableScopes(run, scopes) {
	let { ref, baseRef, defaultScope } = run, base = baseRef === "" ? void 0 : branchScope(baseRef);
	return scopes.filter((scope) => scope === ref || scope === base ? !0 : defaultScope === void 0 ? scope.startsWith(BRANCH) : scope === defaultScope);
}
/** The mode that a variable names; undefined, which allows both, for anything unknown, as @actions/cache has it. */
function parseCacheMode(value) {
	let name = value?.trim().toLowerCase();
	return CACHE_MODES.find((mode) => mode === name);
}
/**
* The rights of a run by its event, its refs and the job's mode, where GitHub itself has not said.
*
* `run` is undefined outside of GitHub, where everything is allowed; `readable` is own, base and default scope.
*/
function accessOf(request, run, mode) {
	let allowsWrite = mode === "write" || mode === "write-only", readRefused = mode === "none" || mode === "write-only" ? modeReason(mode, "reads") : void 0;
	if (mode === "none" || mode === "read") return {
		...request,
		readRefused,
		writeRefused: modeReason(mode, "writes")
	};
	let why = run === void 0 || allowsWrite ? void 0 : whyNotWritable(run, request.scope);
	return {
		...request,
		readRefused,
		writeRefused: why && `By GitHub's rules ${why}.`
	};
}
/** Rights as the cache service has granted them; `access` orders the scopes, and its refusals by mode stay. */
function grantedAccess(access, grants, mode) {
	let writable = grants.filter(({ write }) => write).map(({ scope }) => scope), scope = writable.includes(access.scope) ? access.scope : writable[0] ?? access.scope, granted = grants.filter(({ read }) => read).map((grant) => grant.scope), known = [scope, ...access.readable].filter((name) => granted.includes(name)), readable = [.../* @__PURE__ */ new Set([...known, ...granted])], byMode = accessOf({
		scope,
		readable
	}, void 0, mode), noWrites = `The cache service lets this job only read ${scope}.`;
	return {
		scope,
		readable,
		readRefused: byMode.readRefused ?? (granted.length === 0 ? "The cache service lets this job read no scope." : void 0),
		writeRefused: byMode.writeRefused ?? (writable.length === 0 ? noWrites : void 0)
	};
}
/** True if `more` allows something that `access` does not. */
function isWider(more, access) {
	return more.writeRefused === void 0 && (access.writeRefused !== void 0 || more.scope !== access.scope) ? !0 : more.readRefused === void 0 ? access.readRefused !== void 0 || more.readable.some((scope) => !access.readable.includes(scope)) : !1;
}
/** The grants in the claim `ac` of a runtime token, `[{"Scope":…,"Permission":3}]` as JSON in a string. */
function parseGrants(claim) {
	if (typeof claim != "string") return;
	let list;
	try {
		list = JSON.parse(claim);
	} catch {
		return;
	}
	if (!Array.isArray(list) || list.length > 64) return;
	let grants = [];
	for (let item of list) {
		if (typeof item != "object" || !item) return;
		let { Scope: scope, Permission: permission } = item;
		if (typeof scope != "string" || scope === "" || typeof permission != "number" || !Number.isSafeInteger(permission)) return;
		let read = !!(permission & 1);
		grants.push({
			scope,
			read,
			write: !!(permission & 2)
		});
	}
	return grants;
}
function modeReason(mode, what) {
	return `The cache-mode "${mode}" of this job does not permit ${what}.`;
}
function mayBeDefault(scope, defaultScope) {
	return defaultScope === void 0 ? scope.startsWith(BRANCH) && !scope.startsWith("refs/heads/gh-readonly-queue/") : scope === defaultScope;
}
export { parseCacheMode as a, scopeClass as c, isWider as i, whyNotWritable as l, branchScope as n, parseGrants as o, grantedAccess as r, readableScopes as s, accessOf as t, writesDefault as u };
