export { m as identify, h as identifyPush } from "./libp2p.js";
