import { i as inputError } from "./errors.js";
/**
* The issuer of ID tokens that belongs to a GitHub server: github.com, an enterprise on ghe.com, or GHES.
*
* https://docs.github.com/en/enterprise-server@latest/actions/reference/security/oidc
*/
function issuerOfServer(serverUrl) {
	let host = URL.parse(serverUrl ?? "https://github.com")?.host ?? "github.com";
	return host === "github.com" ? "https://token.actions.githubusercontent.com" : host.endsWith(".ghe.com") ? `https://token.actions.${host}` : `https://${host}/_services/token`;
}
/**
* An issuer as given, checked: its keys are fetched from there, so it must be a place that nobody can stand in for.
*
* @throws ERR_INPUT naming the setting.
*/
function parseIssuer(value, setting) {
	let url = URL.parse(value);
	if (url === null || url.search !== "" || url.hash !== "" || url.username !== "" || !isTrustworthy(url) || value.length > 512) throw inputError(`${setting} contains "${value}", which is not the https URL of an issuer (http is for loopback only).`);
	return value.replace(/\/+$/, "");
}
/** True if nobody on the way can change what this URL answers: https, or this machine. */
function isTrustworthy(url) {
	return url.protocol === "https:" || url.protocol === "http:" && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
}
export { issuerOfServer as n, parseIssuer as r, isTrustworthy as t };
