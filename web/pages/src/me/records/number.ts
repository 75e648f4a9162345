// What stands in the address of a record's page. Browsers keep addresses, so it is no record's id,
// but a number that means something until the wallet is locked, and in this tab alone.
const records: string[] = [];
/** Numbers are never given out again: an address of before leads to nothing. */
let first = 1;

export function numberOf(record: string): number {
  const known = records.indexOf(record);
  return first + (known >= 0 ? known : records.push(record) - 1);
}

export const recordAt = (number: number): string | undefined => records[number - first];

export const pathOf = (record: string): string => `/me/record/${numberOf(record)}`;

export function forgetNumbers(): void {
  first += records.length;
  records.length = 0;
}
