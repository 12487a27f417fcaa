import { i as inputError, t as SwarmCacheError } from "./errors.js";
import { a as textOf, t as bytePath } from "./byte-path.js";
import { homedir } from "node:os";
import { resolve } from "node:path";
// src/archive/path-pattern.ts
const DEAD = [], COVERED = [-1], START = [0], IS_WINDOWS = process.platform === "win32";
/**
* Compiles a declared path with the rules of @actions/glob: `~`, `*`, `?`, `[set]`, `**`, a leading `!`,
* and `\` as escape except on Windows; dot files match like others, braces mean themselves.
*
* @throws ERR_INPUT for `..` and for a pattern without a path.
*/
function compilePattern(line, workingDirectory) {
	let text = line.trim(), negate = !1;
	for (; text.startsWith("!");) negate = !negate, text = text.slice(1).trim();
	if (text === "") throw inputError(`The path "${line}" is empty. Write a path after the "!".`);
	let slashed = IS_WINDOWS ? text.replaceAll("\\", "/") : text, { base, rest } = splitBase(slashed, workingDirectory), segments = literalSegments(base), isGlob = !1, rootLength = segments.length;
	for (let part of rest.split("/")) {
		if (part === "" || part === ".") continue;
		if (part === "..") throw inputError(`The path "${text}" contains "..", which cannot be cached. Write it as an absolute path.`, { path: text });
		let segment = compileSegment(part);
		segments.push(segment), segment.kind !== "name" && (isGlob = !0), isGlob || (rootLength = segments.length);
	}
	let names = segments.slice(0, rootLength).map((s) => s.kind === "name" ? s.name : ""), foldersOnly = slashed.endsWith("/") && rest !== "";
	return {
		text,
		negate,
		foldersOnly,
		isGlob,
		root: rootOf(names),
		segments
	};
}
function splitBase(text, workingDirectory) {
	return text === "~" || text.startsWith("~/") ? {
		base: homedir(),
		rest: text.slice(1)
	} : text.startsWith("/") ? {
		base: IS_WINDOWS ? resolve("/") : "/",
		rest: text
	} : IS_WINDOWS && /^[a-z]:/i.test(text) ? {
		base: resolve(text.slice(0, 2), "/"),
		rest: text.slice(2)
	} : {
		base: resolve(workingDirectory),
		rest: text
	};
}
function literalSegments(path) {
	return (IS_WINDOWS ? path.replaceAll("\\", "/") : path).split("/").filter((name) => name !== "").map((name) => ({
		kind: "name",
		name: bytePath(name)
	}));
}
function rootOf(names) {
	return IS_WINDOWS ? names.length === 1 ? `${names[0]}/` : names.join("/") : `/${names.join("/")}`;
}
/** The components of an absolute path, as the matcher steps through them. */
function componentsOf(path) {
	return path.split("/").filter((name) => name !== "");
}
/** Steps from a folder to `name` in it. */
function stepMatch(pattern, state, name, isFolder) {
	if (state === COVERED || state === DEAD) return state;
	let { segments } = pattern, next = [];
	for (let position of withSkippedFolders(segments, state)) {
		let segment = segments[position];
		segment !== void 0 && (segment.kind === "any" ? addOnce(next, position) : matchesName(segment, name) && addOnce(next, position + 1));
	}
	return settle(pattern, next, isFolder);
}
function settle(pattern, next, isFolder) {
	if (next.length === 0) return DEAD;
	let end = pattern.segments.length;
	return withSkippedFolders(pattern.segments, next).includes(end) && (isFolder || !pattern.foldersOnly) ? COVERED : isFolder ? next : DEAD;
}
/** `**` matches no folder too, so the component after it may match at once. */
function withSkippedFolders(segments, state) {
	let all;
	for (let i = 0; i < (all ?? state).length; i += 1) {
		let position = (all ?? state)[i];
		segments[position]?.kind === "any" && (all ??= [...state], addOnce(all, position + 1));
	}
	return all ?? state;
}
function addOnce(list, position) {
	list.includes(position) || list.push(position);
}
function matchesName(segment, name) {
	return segment.kind === "glob" ? segment.expression.test(textOf(name)) : segment.kind === "any" || segment.name === name || IS_WINDOWS && foldCase(segment.name) === foldCase(name);
}
function foldCase(name) {
	return textOf(name).toLowerCase();
}
function compileSegment(part) {
	if (part === "**") return { kind: "any" };
	let source = "", literal = "";
	for (let i = 0; i < part.length;) {
		let token = readToken(part, i);
		source += token.source, literal = token.literal === void 0 || literal === void 0 ? void 0 : literal + token.literal, i = token.end;
	}
	return literal === void 0 ? {
		kind: "glob",
		expression: RegExp(`^${source}$`, IS_WINDOWS ? "isu" : "su")
	} : {
		kind: "name",
		name: bytePath(literal)
	};
}
function readToken(part, start) {
	let character = String.fromCodePoint(part.codePointAt(start)), end = start + character.length;
	if (character === "\\" && !IS_WINDOWS && end < part.length) {
		let escaped = String.fromCodePoint(part.codePointAt(end));
		return {
			source: quote(escaped),
			literal: escaped,
			end: end + escaped.length
		};
	}
	if (character === "*") {
		let after = end;
		for (; part[after] === "*";) after += 1;
		return {
			source: "[^/]*",
			end: after
		};
	}
	if (character === "?") return {
		source: "[^/]",
		end
	};
	if (character === "[") {
		let set = readSet(part, end);
		if (set !== void 0) return set;
	}
	return {
		source: quote(character),
		literal: character,
		end
	};
}
/** A set `[abc]`, `[a-z]`, `[!a]` or `[^a]` whose content starts at `start`; undefined if it is never closed. */
function readSet(part, start) {
	let i = start, negated = part[i] === "!" || part[i] === "^";
	negated && (i += 1);
	let members = [], source = "";
	for (;;) {
		let character = part[i];
		if (character === void 0) return;
		if (character === "]" && members.length > 0) break;
		if (character = String.fromCodePoint(part.codePointAt(i)), character === "\\" && !IS_WINDOWS && i + 1 < part.length) i += 1, character = String.fromCodePoint(part.codePointAt(i));
		else if (character === "-" && members.length > 0 && part[i + 1] !== "]") {
			let first = members.at(-1), last = String.fromCodePoint(part.codePointAt(i + 1) ?? 0);
			if (part[i + 1] === void 0) return;
			source += first <= last ? `-${quoteInSet(last)}` : "", members.push("-", last), i += 1 + last.length;
			continue;
		}
		members.push(character), source += quoteInSet(character), i += character.length;
	}
	let end = i + 1, only = members.length === 1 && !negated ? members[0] : void 0;
	return only === void 0 ? {
		source: negated ? `[^/${source}]` : `[${source}]`,
		end
	} : {
		source: quote(only),
		literal: only,
		end
	};
}
function quote(text) {
	return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}
function quoteInSet(text) {
	return text.replaceAll(/[\\^[\]-]/g, String.raw`\$&`);
}
// src/archive/path-selection.ts
/**
* The declared paths, resolved on this machine.
*
* As in @actions/glob, patterns apply in their order and the last that matches decides. Unlike in
* @actions/cache, where `tar` takes matched folders whole, a `!exclusion` also takes effect below
* matched folders, and covers everything below what it matches.
*
* A path belongs to the first pattern that covers it. Catalogs name paths relative to that pattern's
* root, so that they find their place on a machine with another home or workspace.
*/
var PathSelection = class PathSelection {
	patterns;
	constructor(patterns) {
		this.patterns = patterns;
	}
	/**
	* The selection of some declared paths; empty lines and lines that start with `#` are ignored.
	*
	* @throws ERR_INPUT if a pattern is malformed or there is none that selects something.
	*/
	static of(paths, workingDirectory) {
		let patterns = paths.flatMap((path) => path.split(/\r?\n/)).map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#")).map((line) => compilePattern(line, workingDirectory));
		if (patterns.every((pattern) => pattern.negate)) throw inputError("No path was given. Name at least one path that is not an exclusion.");
		return new PathSelection(patterns);
	}
	/** Where an absolute path stands. */
	standingOf(path, isFolder) {
		let names = componentsOf(path), states = this.patterns.map((pattern) => pattern.segments.every((segment) => segment.kind === "any") ? COVERED : START);
		for (let [i, name] of names.entries()) states = this.#step(states, name, i < names.length - 1 || isFolder);
		return standing(states);
	}
	/** Where `name` in a folder stands. */
	step(folder, name, isFolder) {
		return folder.settled ? folder : standing(this.#step(folder.states, name, isFolder));
	}
	/** True if the path is selected: the last pattern that covers it is no exclusion. */
	includes(at) {
		for (let i = this.patterns.length - 1; i >= 0; --i) if (at.states[i] === COVERED) return !this.patterns[i].negate;
		return !1;
	}
	/** True if the pattern at `index` matches the path or a folder above it. */
	covers(at, index) {
		return at.states[index] === COVERED;
	}
	/** True if the path belongs to the pattern at `index`. */
	belongs(at, index) {
		return this.covers(at, index) && !this.isTaken(at, index);
	}
	/** True if the path and all below it belong to a pattern before the one at `index`. */
	isTaken(at, index) {
		for (let i = 0; i < index; i += 1) if (at.states[i] === COVERED && !this.patterns[i].negate) return !0;
		return !1;
	}
	/** True if something below a folder may be selected through the pattern at `index`. */
	reaches(at, index) {
		return at.states[index] === DEAD ? !1 : !at.settled || this.includes(at);
	}
	#step(states, name, isFolder) {
		return states.map((state, i) => stepMatch(this.patterns[i], state, name, isFolder));
	}
	/** ERR_PATH that says that nothing was found. */
	nothingFound() {
		let texts = this.patterns.map((p) => p.negate ? `!${p.text}` : p.text);
		return new SwarmCacheError("ERR_PATH", `Nothing that can be saved was found at ${texts.join(", ")}. Check that the paths exist at this point of the job.`, { facts: { paths: texts } });
	}
};
function standing(states) {
	return {
		states,
		settled: states.every((state) => state === COVERED || state === DEAD)
	};
}
export { COVERED as n, PathSelection as t };
