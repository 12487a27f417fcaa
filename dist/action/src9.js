export { s as EventTypes, f as MessageType, p as Record, c as kadDHT, l as passthroughMapper, u as removePrivateAddressesMapper, d as removePublicAddressesMapper } from "./libp2p.js";
