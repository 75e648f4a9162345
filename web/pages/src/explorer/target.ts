/** Where what was typed leads; none when it is neither a number nor an id. */
export function target(text: string): string | undefined {
  const asked = text.trim().toLowerCase();
  if (/^\d{1,15}$/.test(asked)) return `/explorer/block/${Number(asked)}`;
  return /^[0-9a-f]{64}$/.test(asked) ? `/explorer/find/${asked}` : undefined;
}
