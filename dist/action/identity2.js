import { i as tokenAudience } from "./token-claims.js";
import { a as loadPeerKey, c as verifySignature, i as createPeerKey, n as signEntry, r as verifyEntry, t as checkSignature } from "./entry-signature.js";
import { a as deriveSwarmKeys, i as deriveOpenKeys, n as readGrants, o as SHORT_SEALED_LENGTH, r as assertSwarmKey, t as attestEntry } from "./identity.js";
export { SHORT_SEALED_LENGTH, assertSwarmKey, attestEntry, checkSignature, createPeerKey, deriveOpenKeys, deriveSwarmKeys, loadPeerKey, readGrants, signEntry, tokenAudience, verifyEntry, verifySignature };
