export { x as autoNAT } from "./libp2p.js";
