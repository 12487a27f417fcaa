// src/core/logger.ts
const CONTROL_CHARACTER = /[^\P{Cc}\n]|[\u2028\u2029]/gu, WORKFLOW_COMMAND = /\n(?=\s*::)/g;
/** A logger that hands every line of at least `least` to `write`, as text that gives no orders to who shows it. */
function createLogger(write, least = "info", scope = "") {
	let order = [
		"debug",
		"info",
		"notice",
		"warning",
		"error"
	], threshold = order.indexOf(least);
	return {
		log(level, message, fields) {
			order.indexOf(level) < threshold || write(level, printable(`${scope === "" ? "" : `${scope}: `}${message}${fields === void 0 ? "" : ` ${formatFields(fields)}`}`));
		},
		scoped(name) {
			return createLogger(write, least, scope === "" ? name : `${scope}.${name}`);
		}
	};
}
/** A logger that drops everything. */
const silentLogger = createLogger(() => {}, "error");
function printable(line) {
	return line.replaceAll(CONTROL_CHARACTER, (character) => `\\u${character.codePointAt(0).toString(16).padStart(4, "0")}`).replaceAll(WORKFLOW_COMMAND, "\\n").replaceAll("##[", "## [");
}
function formatFields(fields) {
	return Object.entries(fields).filter(([, value]) => value !== void 0).map(([name, value]) => `${name}=${typeof value == "string" ? value : JSON.stringify(value)}`).join(" ");
}
export { silentLogger as n, createLogger as t };
