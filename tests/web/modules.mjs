/* modules.mjs -- what npm installed, from the build folder ($UPROAR_WEB; see install). */
import { createRequire } from "node:module";

const require = createRequire(`${process.env.UPROAR_WEB}/package.json`);

export const { WebSocket } = require("ws");
export const { chromium } = require("playwright-core");
