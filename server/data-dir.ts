import { fileURLToPath } from "node:url";

/** Where the server keeps what is its own, unless PARLANT_DATA_DIR names another place. */
export const DATA_DIR = fileURLToPath(new URL("../.data", import.meta.url));
