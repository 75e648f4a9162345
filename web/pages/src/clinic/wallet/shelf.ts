// Where a clinician's sealed keys lie.
import { shelfAt } from "../../device/shelf.ts";

export const { shelf, keeps, clear } = shelfAt("yilian.clinic");
