import { i as tokenAudience } from "./token-claims.js";
import { a as verifySignature, n as loadPeerKey, t as createPeerKey } from "./peer-key.js";
import { i as SHORT_SEALED_LENGTH, n as deriveOpenKeys, r as deriveSwarmKeys, t as assertSwarmKey } from "./swarm-keys.js";
import { n as readGrants, t as attestEntry } from "./identity.js";
import { n as signEntry, r as verifyEntry, t as checkSignature } from "./entry-signature.js";
export { SHORT_SEALED_LENGTH, assertSwarmKey, attestEntry, checkSignature, createPeerKey, deriveOpenKeys, deriveSwarmKeys, loadPeerKey, readGrants, signEntry, tokenAudience, verifyEntry, verifySignature };
