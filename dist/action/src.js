export { gt as peerIdFromCID, _t as peerIdFromMultihash, vt as peerIdFromPrivateKey, yt as peerIdFromPublicKey, bt as peerIdFromString } from "./libp2p.js";
