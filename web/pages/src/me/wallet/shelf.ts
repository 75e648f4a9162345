// Where the sealed wallet lies.
import { shelfAt } from "../../device/shelf.ts";

export const { shelf, keeps, clear } = shelfAt("yilian.wallet");
