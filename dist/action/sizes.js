import { i as inputError } from "./errors.js";
// src/core/sizes.ts
const UNITS = {
	b: 1,
	kb: 1e3,
	mb: 1e6,
	gb: 1e9,
	tb: 0xe8d4a51000,
	kib: 1024,
	mib: 1024 ** 2,
	gib: 1024 ** 3,
	tib: 1024 ** 4
};
/**
* Bytes of a size such as `10GB`, `512 MiB` or `1000000`.
*
* @throws ERR_INPUT naming `setting`, the value and the form it should have.
*/
function parseSize(text, setting) {
	let match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text), unit = UNITS[(match?.[2] || "b").toLowerCase()], bytes = match === null || unit === void 0 ? NaN : Math.round(Number(match[1]) * unit);
	if (!Number.isSafeInteger(bytes) || bytes <= 0) throw inputError(`${setting} is "${text}", which is not a size. Write a number above zero with a unit, for example 10GB or 512MiB.`, {
		setting,
		value: text
	});
	return bytes;
}
/** A size for people, `479 MB`, `1.2 GB`. */
function formatSize(bytes) {
	let units = [
		"B",
		"kB",
		"MB",
		"GB",
		"TB"
	], value = bytes, unit = 0;
	for (; value >= 1e3 && unit < units.length - 1;) value /= 1e3, unit += 1;
	let digits = unit === 0 || value >= 100 ? 0 : 1;
	return `${value.toFixed(digits)} ${units[unit]}`;
}
export { parseSize as n, formatSize as t };
