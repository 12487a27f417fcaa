export { v as RELAY_V2_HOP_CODEC, y as RELAY_V2_STOP_CODEC, g as circuitRelayServer, _ as circuitRelayTransport } from "./libp2p.js";
