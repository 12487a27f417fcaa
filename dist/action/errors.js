// src/core/errors.ts
/** The one error class of this package; check `code`, since two copies of the package may be loaded. */
var SwarmCacheError = class extends Error {
	name = "SwarmCacheError";
	code;
	/** What the message is about (paths, names, sizes), for programs; never a secret. */
	facts;
	constructor(code, message, options = {}) {
		super(message, options.cause === void 0 ? void 0 : { cause: options.cause }), this.code = code, this.facts = options.facts ?? {};
	}
};
/** Input the user gave is wrong: reported at once, never turned into a miss. */
function inputError(message, facts) {
	return new SwarmCacheError("ERR_INPUT", message, { facts });
}
/** True for an error of this package, of the given code if one is named. */
function isSwarmCacheError(error, code) {
	return !(error instanceof Error) || error.name !== "SwarmCacheError" ? !1 : code === void 0 || error.code === code;
}
/** True if what a writer signed contradicts itself or its content, which no transfer and no disk can bring about. */
function isMalformed(error) {
	return isSwarmCacheError(error, "ERR_INTEGRITY") && error.facts.malformed === !0;
}
/** One line that a person can read, whatever was thrown. */
function errorMessage(error) {
	return error instanceof AggregateError && error.errors.length > 0 ? error.errors.map(errorMessage).join("; ") : error instanceof Error ? error.message || error.name : String(error);
}
/** The errno code (`ENOENT`, …) of a system error, or undefined. */
function errnoOf(error) {
	let code = error?.code;
	return typeof code == "string" ? code : void 0;
}
export { isMalformed as a, inputError as i, errnoOf as n, isSwarmCacheError as o, errorMessage as r, SwarmCacheError as t };
